//! `crossfade serve`: the fake legs alone.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use super::args::{SelectArgs, ServeArgs};
use super::files::{self, Chosen, Place};
use super::run::random;
use super::signals::signals;
use super::{Failure, block_on_one, print};
use crate::answer::Library;
use crate::leg::{Authority, ServeConfig, Transport, serve as serve_legs};
use crate::runner::Exit;
use crate::scenario::Case;

/// Serves the fake legs alone until it is stopped.
pub(super) fn serve(args: &ServeArgs) -> Result<Exit, Failure> {
    let place = Place::find()?;
    let case = match &args.scenario {
        Some(scenario) => Some(Arc::new(one(&place, scenario, &args.filter)?)),
        None => None,
    };
    let library = Library::bundled();
    let answers = Library::names().filter_map(|name| Some((name.to_owned(), library.answer(name).ok()?)));
    let authority = args.tls.then(Authority::new).transpose();
    let authority = authority.map_err(|error| Failure { exit: Exit::ProxyDown, text: format!("error: {error}\n") })?;
    let file = authority.as_ref().map(|authority| AuthorityFile::write(authority, args.ca.clone())).transpose()?;
    let config = ServeConfig {
        transport: Transport { authority: authority.map(Arc::new), http2: args.http2 },
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)),
        case,
        answers: if args.scenario.is_some() { BTreeMap::new() } else { answers.collect() },
        rules: Arc::new(place.rules()?),
        key: args.key.clone(),
        seed: args.seed.unwrap_or_else(random),
    };
    // The legs have threads of their own.
    block_on_one(async {
        let mut stop = signals();
        let serving = serve_legs(config)
            .await
            .map_err(|error| Failure { exit: Exit::ProxyDown, text: format!("error: {error}\n") })?;
        let width = serving.urls.iter().map(|(url, _)| url.len()).max().unwrap_or(0);
        for (url, what) in &serving.urls {
            print(&format!("{url:width$}  {what}\n"));
        }
        if let Some(file) = &file {
            print(&format!("{:width$}  who vouches for them: for SSL_CERT_FILE and the like\n", file.path.display()));
        }
        let _ = stop.wait_for(|stop| *stop).await;
        Ok(Exit::Interrupted)
    })?
}

/// The certificate of the authority, as a file for the clients of this run.
struct AuthorityFile {
    path: PathBuf,
    /// Ours to remove.
    temporary: bool,
}

impl AuthorityFile {
    fn write(authority: &Authority, path: Option<PathBuf>) -> Result<Self, Failure> {
        let temporary = path.is_none();
        let name = || std::env::temp_dir().join(format!("crossfade-ca-{}.pem", std::process::id()));
        let path = path.unwrap_or_else(name);
        std::fs::write(&path, authority.pem())
            .map_err(|error| Failure::usage(format!("{} cannot be written: {error}", path.display())))?;
        Ok(Self { path, temporary })
    }
}

impl Drop for AuthorityFile {
    fn drop(&mut self) {
        if self.temporary {
            // Whatever removed it before us is welcome to it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The one case that is meant.
fn one(place: &Place, scenario: &str, filter: &[String]) -> Result<Case, Failure> {
    let select = SelectArgs { paths: vec![scenario.to_owned()], filter: filter.to_vec() };
    let mut chosen = files::choose(place, &select, true)?;
    only_one(scenario, &chosen)?;
    Ok(chosen.cases.remove(0))
}

/// Makes sure that one case is meant.
pub(super) fn only_one(scenario: &str, chosen: &Chosen) -> Result<(), Failure> {
    match chosen.cases.as_slice() {
        [] => Err(Failure::usage(format!("no case is called `{scenario}`; `crossfade list` shows them"))),
        [_] => Ok(()),
        [first, ..] => {
            let (count, first) = (chosen.cases.len(), first.id());
            Err(Failure::usage(format!("`{scenario}` means {count} cases; give one, like `--filter '{first}'`")))
        }
    }
}
