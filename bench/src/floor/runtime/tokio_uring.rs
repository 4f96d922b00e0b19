//! tokio-uring, which the load generator sits on, set up as there.

use super::Script;
use crate::floor::plan::Plan;
use crate::floor::shard::GREETING;
use std::io;
use std::net::{SocketAddr, TcpListener};
use tokio::task::JoinSet;
use tokio_uring::buf::BoundedBuf as _;
use tokio_uring::net::{TcpListener as Listener, TcpStream};

const ENTRIES: u32 = 2_048;

pub(super) fn serve(
    plan: &Plan,
    listener: TcpListener,
    announce: &mut dyn FnMut(SocketAddr),
) -> io::Result<()> {
    let mut ring = ::tokio_uring::uring_builder();
    ring.setup_coop_taskrun().setup_single_issuer().setup_cqsize(4 * ENTRIES);
    let mut builder = ::tokio_uring::builder();
    builder.entries(ENTRIES).uring_builder(&ring);
    builder.start(async {
        let listener = Listener::from_std(listener);
        announce(listener.local_addr()?);
        let mut streams = Vec::new();
        for _ in 0..plan.sessions {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let mut sessions = JoinSet::new();
        for stream in streams {
            let plan = plan.clone();
            sessions.spawn_local(async move { session(&stream, &plan).await });
        }
        sessions.join_all().await.into_iter().collect()
    })
}

async fn session(stream: &TcpStream, plan: &Plan) -> io::Result<()> {
    stream.write_all(GREETING).await.0?;
    let mut script = Script::default();
    let mut room = vec![0; plan.incoming_len(0)];
    while let Some(awaited) = script.awaits(plan) {
        let mut heard = 0;
        while heard < awaited {
            let (result, slice) = stream.read(room.slice(heard..awaited)).await;
            room = slice.into_inner();
            match result? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => heard += count,
            }
        }
        stream.write_all(script.answer(plan)).await.0?;
    }
    Ok(())
}
