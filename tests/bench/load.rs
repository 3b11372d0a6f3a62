//! A client that is not the limit: it sends one request over and over on many connections and counts bytes.
//!
//! `load ADDRESS CONNECTIONS SECONDS SIZE < request`: SIZE is the length of a reply with its head. It prints the replies
//! and the seconds that they took. Linux alone, for it waits with epoll.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// `struct epoll_event` of `epoll_ctl(2)`.
#[derive(Clone, Copy)]
#[cfg_attr(target_arch = "x86_64", repr(C, packed))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C))]
struct Event {
    events: u32,
    data: u64,
}

unsafe extern "C" {
    fn epoll_create1(flags: i32) -> i32;
    fn epoll_ctl(epoll: i32, what: i32, fd: i32, event: *mut Event) -> i32;
    fn epoll_wait(epoll: i32, events: *mut Event, most: i32, timeout: i32) -> i32;
}

const EPOLLIN: u32 = 1;
const EPOLL_CTL_ADD: i32 = 1;

struct Connection {
    stream: TcpStream,
    /// Bytes of the reply that are still to come.
    left: usize,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |n: usize| -> usize { args[n].parse().expect("a number") };
    let (address, connections, size) = (&args[1], number(2), number(4));
    let time = Duration::from_secs_f64(args[3].parse().expect("seconds"));
    let mut request = Vec::new();
    std::io::stdin().read_to_end(&mut request).expect("a request");

    let epoll = unsafe { epoll_create1(0) };
    let mut open: Vec<Connection> = (0..connections)
        .map(|n| {
            let mut stream = TcpStream::connect(address).expect("a server");
            stream.set_nodelay(true).expect("a socket");
            let mut event = Event { events: EPOLLIN, data: n as u64 };
            assert_eq!(unsafe { epoll_ctl(epoll, EPOLL_CTL_ADD, stream.as_raw_fd(), &raw mut event) }, 0);
            stream.write_all(&request).expect("a server");
            stream.set_nonblocking(true).expect("a socket");
            Connection { stream, left: size }
        })
        .collect();

    let (mut buffer, mut replies) = (vec![0; 1 << 17], 0_u64);
    let mut events = vec![Event { events: 0, data: 0 }; connections];
    let start = Instant::now();
    while start.elapsed() < time {
        let ready = unsafe { epoll_wait(epoll, events.as_mut_ptr(), connections as i32, 100) };
        for event in &events[..usize::try_from(ready).unwrap_or(0)] {
            let connection = &mut open[event.data as usize];
            match connection.stream.read(&mut buffer) {
                Ok(0) => panic!("the server has closed the connection"),
                Ok(n) => connection.left = connection.left.checked_sub(n).expect("a reply is longer than the others"),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => panic!("{error}"),
            }
            if connection.left == 0 {
                replies += 1;
                connection.left = size;
                connection.stream.write_all(&request).expect("a server");
            }
        }
    }
    println!("{replies} {}", start.elapsed().as_secs_f64());
}
