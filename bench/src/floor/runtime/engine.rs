//! What the engine sits on: `kernel`, on the ring or on epoll.

use super::Script;
use crate::floor::plan::Plan;
use crate::floor::shard::GREETING;
use kernel::uring::{DriverChoice, RingConfig, Uring, run};
use kernel::{Buffer, Gather, Kernel as _, Listener as _, Piece, Signal};
use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

pub(super) fn serve(
    plan: &Plan,
    driver: DriverChoice,
    announce: &mut dyn FnMut(SocketAddr),
) -> io::Result<()> {
    let config = RingConfig { driver, ..RingConfig::default() };
    run(config, |kernel| sessions(kernel, plan, announce))?.output
}

async fn sessions(
    kernel: Uring,
    plan: &Plan,
    announce: &mut dyn FnMut(SocketAddr),
) -> io::Result<()> {
    let listener = kernel.listen((Ipv4Addr::LOCALHOST, 0).into())?;
    announce(listener.address());
    let mut streams = Vec::new();
    for _ in 0..plan.sessions {
        streams.push(listener.accept().await?);
    }
    let (open, over) = (Rc::new(Cell::new(streams.len())), Rc::new(Signal::default()));
    for stream in streams {
        let (plan, open, over) = (plan.clone(), Rc::clone(&open), Rc::clone(&over));
        kernel.spawn(async move {
            session(&stream, &plan).await.expect("a peer on loopback stays");
            open.set(open.get() - 1);
            over.ring();
        });
    }
    loop {
        let seen = over.rings();
        if open.get() == 0 {
            return Ok(());
        }
        over.after(seen).await;
    }
}

async fn session<S: kernel::Stream>(stream: &S, plan: &Plan) -> io::Result<()> {
    stream.write(words(GREETING.to_vec())).await?;
    let mut script = Script::default();
    while let Some(awaited) = script.awaits(plan) {
        let mut room = Buffer::with_capacity(awaited);
        while room.len() < awaited {
            let (result, filled) = stream.read(room).await;
            room = filled;
            if result? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        stream.write(words(script.answer(plan))).await?;
    }
    Ok(())
}

fn words(words: Vec<u8>) -> Gather {
    Gather::from_iter([Piece::Owned(words)])
}
