//! Starts a proxy and waits until it is up.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{oneshot, watch};

use super::render::read;
use super::running::{Kind, Running, facts};
use super::{GetBy, Host, Launch, ProxyError, Ready, Rendered, error::tail, guard, port};
use crate::builtin;

/// Starts that are tried when the port is taken by another in the meantime.
const TRIES: u32 = 3;

impl Launch {
    /// Starts the proxy; when this returns it is up.
    pub async fn start(&self, host: &Host) -> Result<Running, ProxyError> {
        let path = host.path.to_string_lossy();
        if self.program.profile().get == GetBy::Builtin {
            return self.start_inside(&path).await;
        }
        let log = self.run_dir.join("proxy.log");
        for attempt in 1.. {
            let port = match self.port {
                Some(port) => port,
                None => port::free().map_err(|error| self.failed(format!("there is no free port: {error}"), None))?,
            };
            if self.port.is_some() && port::is_taken(port) {
                return Err(self.failed(format!("port {port} is taken"), None));
            }
            let rendered = self.render(&path, port)?;
            self.write(&rendered, &log)?;
            let mut child = self.spawn(host, &rendered, &log)?;
            let pipe = child.stdin.take();
            let (tell, ended) = watch::channel(None);
            tokio::spawn(async move {
                let how = match child.wait().await {
                    Ok(status) => how_it_ended(status.code()),
                    Err(error) => format!("its end was not seen: {error}"),
                };
                tell.send_replace(Some(how));
            });
            let kind = Kind::Guarded { pipe: pipe.into(), ended: ended.clone(), log: log.clone() };
            let running = Running::new(kind, ([127, 0, 0, 1], port).into(), facts(self, None), self, rendered.asks);
            match wait(running.addr(), self.program.profile().ready.as_ref(), ended).await {
                Ok(()) => return Ok(running),
                Err(why) => {
                    running.stop().await;
                    let clash = self.port.is_none() && port::is_taken(port);
                    if !clash || attempt >= TRIES {
                        return Err(self.failed(why, Some(&log)));
                    }
                }
            }
        }
        unreachable!("the loop ends by returning")
    }

    async fn start_inside(&self, path: &str) -> Result<Running, ProxyError> {
        let listener = TcpListener::bind(("127.0.0.1", self.port.unwrap_or(0))).await;
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (addr, listener) = bound.map_err(|error| self.failed(format!("cannot listen: {error}"), None))?;
        let rendered = self.render(path, addr.port())?;
        self.write(&rendered, &self.run_dir.join("proxy.log"))?;
        let own = self.program.profile().files.keys().next();
        let (name, text) =
            own.and_then(|own| rendered.files.get_key_value(own)).map_or(("", "{}"), |(name, text)| (name, text));
        let config: builtin::Config = read(name, text)
            .map_err(|why| ProxyError::Configure { name: self.program.profile().profile.clone(), why })?;
        let facts = facts(self, Some(&config));
        let (shutdown, gone) = oneshot::channel::<()>();
        let task = tokio::spawn(builtin::start(listener, config, async {
            let _ = gone.await;
        }));
        let kind = Kind::Inside { shutdown: Some(shutdown).into(), task };
        Ok(Running::new(kind, addr, facts, self, rendered.asks))
    }

    fn write(&self, rendered: &Rendered, log: &Path) -> Result<(), ProxyError> {
        let write = || {
            fs::create_dir_all(self.run_dir.join("home"))?;
            File::create(log)?;
            for (name, text) in &rendered.files {
                fs::write(self.run_dir.join(name), text)?;
            }
            std::io::Result::Ok(())
        };
        write().map_err(|error| self.failed(format!("cannot write to {}: {error}", self.run_dir.display()), None))
    }

    fn spawn(&self, host: &Host, rendered: &Rendered, log: &Path) -> Result<tokio::process::Child, ProxyError> {
        let spawn = || {
            let out = File::options().append(true).open(log)?;
            let mut command = Command::new(&host.exe);
            command.arg(guard::SUBCOMMAND).arg("--").args(&rendered.command);
            command.env_clear().envs(&rendered.env).current_dir(&self.run_dir);
            command.stdin(Stdio::piped()).stdout(out.try_clone()?).stderr(out);
            // A group of its own: ctrl-C reaches Crossfade alone, which then ends the proxy in order.
            #[cfg(unix)]
            command.process_group(0);
            command.spawn()
        };
        spawn().map_err(|error| self.failed(format!("{} cannot be run: {error}", host.exe.display()), None))
    }

    fn failed(&self, why: String, log: Option<&PathBuf>) -> ProxyError {
        let tail = log.map(|log| tail(log)).unwrap_or_default();
        ProxyError::Start { name: self.program.title(), why, log: log.cloned(), tail }
    }
}

fn how_it_ended(code: Option<i32>) -> String {
    match code {
        Some(code) if code > 128 => format!("it was ended by signal {}", code - 128),
        Some(code) => format!("it ended with exit code {code}"),
        None => "its guard was killed".to_owned(),
    }
}

/// Waits until the proxy answers, ends, or has had its time.
async fn wait(
    addr: std::net::SocketAddr,
    ready: Option<&Ready>,
    mut ended: watch::Receiver<Option<String>>,
) -> Result<(), String> {
    let Some(ready) = ready else { return Ok(()) };
    let began = Instant::now();
    let limit = ready.within.duration();
    let mut last = None;
    let answers = async {
        let mut pause = Duration::from_millis(10);
        loop {
            last = port::status(addr, &ready.path).await.or(last);
            if last.is_some_and(|status| ready.status.contains(&status)) {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    };
    tokio::select! {
        () = answers => {}
        how = ended.wait_for(Option::is_some) => {
            return Err(how.ok().and_then(|how| how.clone()).unwrap_or_else(|| "it ended".to_owned()));
        }
        () = tokio::time::sleep(limit) => {
            let waited = began.elapsed().as_secs();
            return Err(match last {
                Some(status) => format!("GET {} still answers {status} after {waited} s", ready.path),
                None => format!("GET {} has no answer after {waited} s", ready.path),
            });
        }
    }
    // Another program that had the port would answer while ours dies of it.
    match ended.borrow().clone() {
        Some(how) => Err(how),
        None => Ok(()),
    }
}
