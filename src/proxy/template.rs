//! Templates of profiles, rendered strictly: an unknown name is an error, and nothing is escaped unasked.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};

use super::{Bundle, Decoys, Route, route::RouteView};
use crate::scenario::{Settings, Toggle};

/// Statuses that stand for a class in `fallback_on`.
const CLASSES: &[(&str, &[u16])] =
    &[("4xx", &[400, 401, 403, 404, 408, 409, 413, 422, 429]), ("5xx", &[500, 502, 503, 504, 529])];

/// The templates of one profile.
pub(super) struct Templates<'a> {
    environment: Environment<'a>,
}

impl<'a> Templates<'a> {
    /// Takes the files that end in `.j2`; whatever else is rendered has no name of its own.
    pub(super) fn new(files: &'a BTreeMap<String, String>) -> Result<Self, String> {
        let mut environment = Environment::new();
        // Errors then name what is undefined.
        environment.set_debug(true);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.add_filter("quoted", quoted);
        for (name, text) in files.iter().filter(|(name, _)| is_template(name)) {
            environment.add_template(name, text).map_err(|error| why(&error))?;
        }
        Ok(Self { environment })
    }

    /// Renders a file beside the profile.
    pub(super) fn file(&self, name: &str, context: &Value) -> Result<String, String> {
        let template = self.environment.get_template(name).map_err(|error| why(&error))?;
        let text = template.render(context).map_err(|error| why(&error))?;
        Ok(if text.ends_with('\n') { text } else { text + "\n" })
    }

    /// Renders a value of the profile.
    pub(super) fn text(&self, template: &str, context: &Value) -> Result<String, String> {
        self.environment.render_str(template, context).map_err(|error| why(&error))
    }
}

/// Files beside a profile that are rendered; others are taken as they are.
pub(super) fn is_template(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "j2")
}

/// A text in double quotes, with `"` and `\` escaped: a word of a configuration that is not JSON.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The error in one line: what is wrong, and in which file beside the profile.
fn why(error: &minijinja::Error) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default();
    let (what, place) = text.rsplit_once(" (in ").unwrap_or((text, ""));
    let place = if place.is_empty() || place.starts_with('<') { String::new() } else { format!(" (in {place}") };
    format!("{what}{place}")
}

/// Where things are in a launch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    pub(super) install_dir: &'a Path,
    pub(super) bin: &'a Path,
    pub(super) run_dir: &'a Path,
    /// The caller's `PATH`.
    pub(super) path: &'a str,
    pub(super) port: u16,
}

/// What every template sees.
pub(super) fn context(
    places: Places<'_>,
    routes: &[Route],
    settings: &Settings,
    decoys: &Decoys,
    authority: Option<&str>,
) -> Value {
    let seconds = |millis: Option<crate::scenario::Millis>| millis.map(|millis| millis.0 as f64 / 1000.0);
    let on = |toggle: Option<Toggle>| toggle.map(|toggle| toggle == Toggle::On);
    let statuses = settings.fallback_on.as_ref().map(|classes| statuses(classes));
    context! {
        install_dir => places.install_dir.to_string_lossy(),
        bin => places.bin.to_string_lossy(),
        bin_dir => places.bin.parent().unwrap_or(places.install_dir).to_string_lossy(),
        run_dir => places.run_dir.to_string_lossy(),
        home_dir => places.run_dir.join("home").to_string_lossy(),
        path => places.path,
        port => places.port,
        retries => settings.retries.unwrap_or(0),
        idle_timeout_s => seconds(settings.idle_timeout),
        idle_timeout_ms => settings.idle_timeout.map(|millis| millis.0),
        first_byte_timeout_s => seconds(settings.first_byte_timeout),
        first_byte_timeout_ms => settings.first_byte_timeout.map(|millis| millis.0),
        cooldown => on(settings.cooldown).unwrap_or(false),
        continuation => on(settings.continuation),
        affinity => on(settings.affinity),
        fallback_on => settings.fallback_on.clone(),
        fallback_statuses => statuses,
        max_fallbacks => settings.max_fallbacks,
        authority => authority,
        http2 => on(settings.http2).unwrap_or(false),
        admin_key => decoys.admin_key.clone(),
        decoy => context! { model => decoys.model.clone(), url => decoys.url.clone(), key => decoys.key.clone() },
        routes => routes.iter().map(|route| Value::from(Serde(RouteView::from(route)))).collect::<Vec<_>>(),
    }
}

/// The same for one route: what endpoints see.
pub(super) fn with_route(base: &Value, route: &Route) -> Value {
    let route = Value::from(Serde(RouteView::from(route)));
    // The request alone tells these two; they are filled in when it is made.
    context! { route, model => "{model}", method => "{method}", ..base.clone() }
}

/// Classes as statuses; `timeout` is 408, other words are left out.
fn statuses(classes: &[String]) -> Vec<u16> {
    let one = |class: &String| match CLASSES.iter().find(|(name, _)| name == class) {
        Some((_, statuses)) => statuses.to_vec(),
        None if class == "timeout" => vec![408],
        None => class.parse().into_iter().collect(),
    };
    classes.iter().flat_map(one).collect()
}

/// Renders everything of a profile once, with two routes, so that a typing error is found when it is loaded.
pub(super) fn check_templates(bundle: &Bundle) -> Result<(), (Vec<String>, String)> {
    let profile = &bundle.profile;
    let at = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
    let templates = Templates::new(&bundle.files).map_err(|why| (at(&["files"]), why))?;
    let routes = Route::samples();
    let decoys = super::Canaries::seeded(1).decoys("http://127.0.0.1:9100/decoy");
    let here = Path::new("/run");
    let places = Places { install_dir: here, bin: here, run_dir: here, path: "/usr/bin", port: 4000 };
    let base = context(places, &routes, &Settings::default(), &decoys, None);
    let route = with_route(&base, &routes[0]);
    for (name, template) in profile.files.iter().filter(|(_, template)| is_template(template)) {
        templates.file(template, &base).map_err(|why| (at(&["files", name]), why))?;
    }
    for (index, template) in profile.command.iter().enumerate() {
        let named = |why| (at(&["command"]), format!("argument {}: {why}", index + 1));
        templates.text(template, &base).map_err(named)?;
    }
    for (name, template) in &profile.env {
        templates.text(template, &base).map_err(|why| (at(&["env", name]), why))?;
    }
    for (api, endpoint) in &profile.endpoints {
        let values = endpoint.headers.values().chain([&endpoint.path]).chain(&endpoint.key).chain(&endpoint.model);
        for template in values {
            templates.text(template, &route).map_err(|why| (at(&["endpoints", api.name()]), why))?;
        }
    }
    Ok(())
}
