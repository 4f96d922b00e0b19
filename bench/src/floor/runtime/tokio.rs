//! tokio on one thread, as most servers use it.

use super::Script;
use crate::floor::plan::Plan;
use crate::floor::shard::GREETING;
use std::io;
use std::net::{SocketAddr, TcpListener};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener as Listener, TcpStream};
use tokio::task::JoinSet;

pub(super) fn serve(
    plan: &Plan,
    listener: TcpListener,
    announce: &mut dyn FnMut(SocketAddr),
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = Listener::from_std(listener)?;
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
            sessions.spawn(session(stream, plan));
        }
        sessions.join_all().await.into_iter().collect()
    })
}

async fn session(mut stream: TcpStream, plan: Plan) -> io::Result<()> {
    stream.write_all(GREETING).await?;
    let mut script = Script::default();
    let mut room = vec![0; plan.incoming_len(0)];
    while let Some(awaited) = script.awaits(&plan) {
        stream.read_exact(&mut room[..awaited]).await?;
        stream.write_all(&script.answer(&plan)).await?;
    }
    Ok(())
}
