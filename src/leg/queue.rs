//! How much of what was written the peer's kernel has not acknowledged yet.
//!
//! A reset throws away what is still queued, so it waits for an empty queue. What was acknowledged the peer's kernel
//! gives to the reader before it reports the reset.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// Where the queue cannot be asked for, this long is waited instead.
const BLIND: Duration = Duration::from_millis(50);
/// Between two looks.
const LOOK: Duration = Duration::from_micros(100);

/// Waits until everything that was written is acknowledged, at most `limit`.
pub(super) async fn delivered(stream: &TcpStream, limit: Duration) {
    let until = Instant::now() + limit;
    loop {
        match unacknowledged(stream) {
            Some(0) => return,
            Some(_) if Instant::now() >= until => return,
            Some(_) => sleep(LOOK).await,
            None => return sleep(BLIND.min(limit)).await,
        }
    }
}

/// Bytes of the send queue; `None` where the system cannot tell.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn unacknowledged(stream: &TcpStream) -> Option<usize> {
    use rustix::ioctl::{Getter, ioctl};

    /// `SIOCOUTQ` of `linux/sockios.h`; a few other architectures have another number.
    const SIOCOUTQ: rustix::ioctl::Opcode = 0x5411;

    #[expect(unsafe_code, reason = "SIOCOUTQ writes one c_int through the pointer and does nothing else (tcp(7))")]
    let queued = unsafe { ioctl(stream, Getter::<SIOCOUTQ, std::ffi::c_int>::new()) };
    usize::try_from(queued.ok()?).ok()
}

/// Bytes of the send queue; `None` where the system cannot tell.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn unacknowledged(_stream: &TcpStream) -> Option<usize> {
    None
}
