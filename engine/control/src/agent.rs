//! What HAProxy's `agent-check` asks: one line that says how much new mail is welcome.
//!
//! | line | when |
//! |---|---|
//! | `up ready N%` | mail is welcome; N is the share of its usual weight this server should have |
//! | `drain` | it is stopping: no new connections, please; those that are there finish |
//! | `maint` | it takes no mail: [`/readyz`](crate::admin) says why |
//!
//! [HAProxy, `agent-check`](https://docs.haproxy.org/3.2/configuration.html#5.2-agent-check)

mod headroom;

use crate::admin::Door;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Those who may ask at one time; others wait to be taken.
const ASKING_MAX: usize = 64;
/// How long one may take to read a line and go.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long we wait when the system has no descriptor left.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// Answers on `listener` for ever.
pub(crate) async fn serve(listener: TcpListener, door: Arc<Door>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("the agent address cannot be served: {error}"),
    };
    let asking = Arc::new(Semaphore::new(ASKING_MAX));
    loop {
        let Ok(place) = Arc::clone(&asking).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(SHORTAGE_PAUSE).await;
            continue;
        };
        let line = line(&door);
        tokio::spawn(async move {
            // Who does not listen has no need of the answer.
            let _ = timeout(PATIENCE, answer(stream, &line)).await;
            drop(place);
        });
    }
}

/// Says it, and waits for the other to close: a close with something unread (`agent-send`)
/// could take the line back.
async fn answer(mut stream: TcpStream, line: &str) -> io::Result<()> {
    stream.write_all(line.as_bytes()).await?;
    stream.shutdown().await?;
    let mut ignored = [0; 256];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

fn line(door: &Door) -> String {
    if door.is_draining() {
        return "drain\n".to_owned();
    }
    match door.unready() {
        Some(_) => "maint\n".to_owned(),
        None => format!("up ready {}%\n", headroom::percent(door.meters())),
    }
}
