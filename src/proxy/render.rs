//! A launch on paper: files, command, environment, and how the client asks, all rendered before anything starts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::template::{Places, Templates, context, is_template, with_route};
use super::{Ask, Bundle, Canaries, Decoys, Endpoint, Overlay, Program, ProxyError, Route};
use crate::api::ApiId;
use crate::diagnostic::SourceFile;
use crate::scenario::Settings;
use crate::wire::Headers;
use crate::yaml::{self, Document, Limits};

/// The file of a run folder that says whom the proxy is to trust, where legs speak TLS.
pub const AUTHORITY: &str = "legs-ca.pem";
/// Variables in which programs look for it: OpenSSL and Go, Python's requests, curl, Node.
const TRUST: [&str; 4] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];

/// What a launch is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Files of the run folder: name -> text.
    pub files: BTreeMap<String, String>,
    /// Program and arguments.
    pub command: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    /// How the client asks, by route and API.
    pub(super) asks: BTreeMap<(String, ApiId), Ask>,
}

/// What a launch is asked to configure.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub program: Program,
    /// Routes; none are needed where `config` is given.
    pub routes: Vec<Route>,
    /// Neutral knobs.
    pub settings: Settings,
    /// Merged into the configuration where the profile says; maps merge, everything else replaces.
    pub overlay: Option<Value>,
    /// What must show up nowhere.
    pub decoys: Decoys,
    /// Folder of this launch: configuration, log, home of the proxy. It is made if it is not there.
    pub run_dir: PathBuf,
    /// Port to listen on; left out: a free one.
    pub port: Option<u16>,
    /// A configuration to be taken as it is, instead of the rendered file that overlays go to.
    pub config: Option<String>,
    /// Who vouches for the legs, as PEM, where they speak TLS.
    pub authority: Option<String>,
}

impl Launch {
    /// A launch for a proxy that runs alone, for other clients than ours: no routes but those of `config`.
    pub fn alone(program: Program, run_dir: PathBuf, port: u16, config: Option<String>) -> Self {
        Self {
            program,
            routes: Vec::new(),
            settings: Settings::default(),
            overlay: None,
            decoys: Canaries::random().decoys("http://127.0.0.1:9/decoy"),
            run_dir,
            port: Some(port),
            config,
            authority: None,
        }
    }

    /// Renders everything, as it would be started on `port`.
    pub fn render(&self, path: &str, port: u16) -> Result<Rendered, ProxyError> {
        let bundle = &self.program.bundle;
        self.rendered(bundle, path, port)
            .map_err(|why| ProxyError::Configure { name: bundle.profile.profile.clone(), why })
    }

    fn rendered(&self, bundle: &Bundle, path: &str, port: u16) -> Result<Rendered, String> {
        let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if let Some(route) = self.routes.iter().find(|route| !plain(&route.name)) {
            return Err(format!("a route cannot be called `{}`: letters, digits and `-` only", route.name));
        }
        let profile = &bundle.profile;
        if self.overlay.is_some() && profile.overlay.is_none() {
            return Err("it takes no overlay".to_owned());
        }
        let templates = Templates::new(&bundle.files)?;
        let places = Places {
            install_dir: &self.program.install_dir,
            bin: &self.program.bin,
            run_dir: &self.run_dir,
            path,
            port,
        };
        let authority = self.authority.as_ref().map(|_| self.run_dir.join(AUTHORITY).to_string_lossy().into_owned());
        let base = context(places, &self.routes, &self.settings, &self.decoys, authority.as_deref());
        let mut files = BTreeMap::new();
        for (name, template) in &profile.files {
            let overlaid = matches!(&profile.overlay, Some(Overlay::File(file)) if file == name);
            let text = match (&self.config, bundle.files.get(template)) {
                (Some(config), _) if overlaid => config.clone(),
                (_, Some(text)) if !is_template(template) => text.clone(),
                _ => templates.file(template, &base)?,
            };
            let text = match &self.overlay {
                Some(overlay) if overlaid => merged(name, &text, overlay)?,
                _ => text,
            };
            files.insert(name.clone(), text);
        }
        let command = profile.command.iter().map(|word| templates.text(word, &base)).collect::<Result<_, _>>()?;
        if let Some(pem) = &self.authority {
            files.insert(AUTHORITY.to_owned(), pem.clone());
        }
        let mut env: BTreeMap<String, String> = self.decoys.variables.iter().cloned().collect();
        for (name, path) in TRUST.iter().zip(authority.iter().cycle()) {
            env.insert((*name).to_owned(), path.clone());
        }
        for (name, template) in &profile.env {
            env.insert(name.clone(), templates.text(template, &base)?);
        }
        let mut asks = BTreeMap::new();
        for route in &self.routes {
            let context = with_route(&base, route);
            for (api, endpoint) in &profile.endpoints {
                let header = match &profile.overlay {
                    Some(Overlay::Header(name)) => self.overlay.as_ref().map(|overlay| (name.as_str(), overlay)),
                    _ => None,
                };
                let render = |template: &str| templates.text(template, &context);
                asks.insert((route.name.clone(), *api), ask(*api, endpoint, port, header, &render)?);
            }
        }
        Ok(Rendered { files, command, env, asks })
    }
}

fn ask(
    api: ApiId,
    endpoint: &Endpoint,
    port: u16,
    overlay: Option<(&str, &Value)>,
    render: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Ask, String> {
    let key = endpoint.key.as_deref().map(render).transpose()?;
    let mut headers = client_headers(api, key.as_deref());
    for (name, template) in &endpoint.headers {
        let value = render(template)?;
        let value = match overlay {
            Some((header, overlay)) if header.eq_ignore_ascii_case(name) => one_line(&value, overlay)?,
            _ => value.trim().to_owned(),
        };
        if value.contains(|c: char| c.is_control()) {
            return Err(format!("the header `{name}` has a line end or another control character"));
        }
        headers.push(name, value);
    }
    let model = endpoint.model.as_deref().map(render).transpose()?;
    Ok(Ask {
        addr: ([127, 0, 0, 1], port).into(),
        path: render(&endpoint.path)?,
        headers,
        model,
        session: endpoint.session.clone(),
    })
}

/// The headers that a client of this API sends; without a key, those that do not carry it.
pub(super) fn client_headers(api: ApiId, key: Option<&str>) -> Headers {
    const NO_KEY: &str = "no-key-here";
    let headers = api.spoken().map(|api| api.request_headers(key.unwrap_or(NO_KEY))).unwrap_or_default();
    match key {
        Some(_) => headers,
        None => headers.iter().filter(|(_, value)| !value.contains(NO_KEY)).collect(),
    }
}

/// A file of YAML or JSON with the overlay merged in.
fn merged(name: &str, text: &str, overlay: &Value) -> Result<String, String> {
    let json = Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut value = read(name, text)?;
    merge(&mut value, overlay);
    let text = if json { serde_json::to_string_pretty(&value) } else { yaml::to_string(&value) };
    text.map_err(|error| format!("{name}: {error}"))
}

/// A file of JSON or YAML.
pub(super) fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, String> {
    let tree = Document::parse(SourceFile::new(name, text), Limits::CASSETTE).and_then(|tree| tree.decode());
    tree.map_err(|error| match error.line() {
        Some(line) => format!("{} ({name}:{line})", error.message),
        None => format!("{} ({name})", error.message),
    })
}

fn one_line(text: &str, overlay: &Value) -> Result<String, String> {
    let mut value: Value = serde_json::from_str(text).map_err(|error| format!("the header is no JSON: {error}"))?;
    merge(&mut value, overlay);
    Ok(value.to_string())
}

/// Maps merge; everything else replaces.
fn merge(base: &mut Value, overlay: &Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => {
            for (key, value) in overlay {
                merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, overlay) => *base = overlay.clone(),
    }
}
