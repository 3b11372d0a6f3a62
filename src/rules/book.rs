//! All rules together: the bundled ones, and what a user adds and switches.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LeftOut, Pack, Rule, spelling};
use crate::api::{ApiId, ModelName};
use crate::diagnostic::{Diagnostic, SourceFile, suggestion};
use crate::yaml::{Document, Limits};

/// A rule file that ships with Crossfade. It is read once somebody asks whom it is about: a leg needs few of them.
pub(super) struct Bundled {
    #[cfg(test)]
    pub(super) name: &'static str,
    #[cfg(test)]
    pub(super) text: &'static str,
    /// The file as JSON (`build.rs`), which is read ten times as fast.
    pub(super) json: &'static str,
    /// Whom it is about, as the file says too.
    pub(super) about: (ApiId, &'static [&'static str]),
    pack: OnceLock<Pack>,
}

macro_rules! files {
    ($($name:literal: $api:ident [$($vendor:literal),*],)*) => {
        pub(super) static FILES: [Bundled; 21] = [$(Bundled {
            #[cfg(test)]
            name: concat!("src/rules/", $name),
            #[cfg(test)]
            text: include_str!($name),
            json: include_str!(concat!(env!("OUT_DIR"), "/rules/", $name)),
            about: (ApiId::$api, &[$($vendor),*]),
            pack: OnceLock::new(),
        }),*];
    };
}

files! {
    "anthropic.yaml": AnthropicMessages ["anthropic", "vertex", "vertex-anthropic"],
    "gemini.yaml": Gemini ["gemini", "vertex"],
    "openai.yaml": OpenaiChat ["openai", "azure-openai"],
    "openai-responses.yaml": OpenaiResponses ["openai", "azure-openai"],
    "azure-openai.yaml": OpenaiChat ["azure-openai"],
    "bedrock.yaml": BedrockConverse ["bedrock"],
    "bedrock-invoke.yaml": BedrockInvoke ["bedrock"],
    "cohere.yaml": CohereChat ["cohere"],
    "deepseek.yaml": OpenaiChat ["deepseek"],
    "deepseek-responses.yaml": OpenaiResponses ["deepseek"],
    "groq.yaml": OpenaiChat ["groq"],
    "llamacpp.yaml": OpenaiChat ["llamacpp"],
    "mistral.yaml": OpenaiChat ["mistral"],
    "ollama.yaml": OpenaiChat ["ollama"],
    "ollama-chat.yaml": OllamaChat ["ollama"],
    "openrouter.yaml": OpenaiChat ["openrouter"],
    "perplexity.yaml": OpenaiChat ["perplexity"],
    "vertex.yaml": Gemini ["vertex"],
    "vllm.yaml": OpenaiChat ["vllm"],
    "xai.yaml": OpenaiChat ["xai"],
    "xai-responses.yaml": OpenaiResponses ["xai"],
}

impl Bundled {
    fn pack(&self) -> &Pack {
        let read = || serde_json::from_str(self.json).expect("a test loads the bundled rules");
        self.pack.get_or_init(read)
    }
}

/// Every rule.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
    /// Whether it holds the rules that ship with Crossfade.
    bundled: bool,
    /// Rule files beside those.
    own: Vec<Pack>,
    /// Ids that are switched the other way than their files say.
    switched: BTreeSet<String>,
}

/// What a user adds to the rules, and switches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuleChoice {
    /// Rule files of your own.
    pub files: Vec<PathBuf>,
    /// Ids of rules that are not asked.
    pub off: Vec<String>,
    /// Ids of rules that are asked, though their files leave them off.
    pub on: Vec<String>,
}

/// What is wrong with a [`RuleChoice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChoiceError {
    /// A file does not load.
    File(Box<Diagnostic>),
    /// No rule has the id at this place of a list.
    Unknown {
        /// `off` or `on`.
        list: &'static str,
        /// From 0.
        index: usize,
        /// The rule that was meant, where one is near.
        help: Option<String>,
    },
}

impl RuleBook {
    /// The rules that ship with Crossfade.
    pub fn bundled() -> &'static Self {
        static BOOK: RuleBook = RuleBook { bundled: true, own: Vec::new(), switched: BTreeSet::new() };
        &BOOK
    }

    /// A book of some rule files.
    pub fn new(files: impl IntoIterator<Item = SourceFile>) -> Result<Self, Diagnostic> {
        let mut book = Self::default();
        for file in files {
            book.add(Document::parse(file, Limits::SCENARIO)?)?;
        }
        Ok(book)
    }

    /// The bundled rules, with what a user adds and switches.
    pub fn chosen(choice: &RuleChoice) -> Result<Self, ChoiceError> {
        let mut book = Self::bundled().clone();
        let failed = |error| ChoiceError::File(Box::new(error));
        for path in &choice.files {
            let document = Document::read(path, Limits::SCENARIO).map_err(failed)?;
            book.add(document).map_err(failed)?;
        }
        for (list, ids, off) in [("off", &choice.off, true), ("on", &choice.on, false)] {
            for (index, id) in ids.iter().enumerate() {
                let Some(rule) = book.rule(id) else {
                    let known = book.packs().into_iter().flat_map(|pack| &pack.rules).map(|rule| rule.id.as_str());
                    let help = suggestion(id, known);
                    return Err(ChoiceError::Unknown { list, index, help });
                };
                if rule.off == off {
                    book.switched.remove(id);
                } else {
                    book.switched.insert(id.clone());
                }
            }
        }
        Ok(book)
    }

    fn add(&mut self, document: Document) -> Result<(), Diagnostic> {
        let (file, root) = document.into_parts();
        let pack: Pack = crate::yaml::decode(&root).map_err(|error| error.in_file(&file))?;
        for (index, rule) in pack.rules.iter().enumerate() {
            if self.rule(&rule.id).is_some() || pack.rules[..index].iter().any(|other| other.id == rule.id) {
                let span = root.at(["rules", &index.to_string(), "id"]).map_or(root.span, |node| node.span);
                let message = format!("a rule is called `{}` already", rule.id);
                let help =
                    "give it an id of its own; `rules: {off: [ID]}` in crossfade.yaml switches the other one off";
                return Err(Diagnostic::new(&file, span, message).help(help));
            }
        }
        self.own.push(pack);
        Ok(())
    }

    /// The rule files.
    pub fn packs(&self) -> Vec<&Pack> {
        self.packs_where(|_, _| true)
    }

    /// The rule files about a vendor in an API.
    pub(super) fn packs_of(&self, api: ApiId, vendor: &str) -> Vec<&Pack> {
        let mut packs = self.packs_where(|of, vendors| of == api && vendors.contains(&vendor));
        packs.retain(|pack| pack.api == api && pack.about(vendor).is_some());
        packs
    }

    /// The user's files, and those of the bundled ones that are about something.
    fn packs_where(&self, about: impl Fn(ApiId, &[&str]) -> bool) -> Vec<&Pack> {
        let bundled = FILES.iter().filter(|file| self.bundled && about(file.about.0, file.about.1));
        bundled.map(Bundled::pack).chain(&self.own).collect()
    }

    /// A rule by its id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.find(id).map(|(_, rule)| rule)
    }

    /// A rule and its file by the rule's id.
    pub fn find(&self, id: &str) -> Option<(&Pack, &Rule)> {
        let mut rules = self.packs().into_iter().flat_map(|pack| pack.rules.iter().map(move |rule| (pack, rule)));
        rules.find(|(_, rule)| rule.id == id)
    }

    /// Why there is no rule for a refusal that is known, by its name.
    pub fn left_out(&self, what: &str) -> Option<&LeftOut> {
        let mut left_out = self.packs().into_iter().flat_map(|pack| &pack.left_out);
        left_out.find(|left| left.what.iter().any(|each| each == what))
    }

    /// Whether a rule is asked.
    pub fn asks(&self, rule: &Rule) -> bool {
        rule.off == self.switched.contains(&rule.id)
    }

    /// The same book with one rule asked, or not asked.
    #[must_use]
    pub(super) fn with(&self, rule: &Rule, asked: bool) -> Self {
        let mut book = self.clone();
        if self.asks(rule) != asked && !book.switched.remove(&rule.id) {
            book.switched.insert(rule.id.clone());
        }
        book
    }

    /// The model that was probably meant: a name that differs by a letter or two from one that the vendor's rules
    /// know, where they know nothing of it as it is written. Another number is another model.
    pub fn near_miss(&self, model: &ModelName) -> Option<&str> {
        let name = spelling::bare(&model.model);
        let mut packs = self.packs_where(|_, vendors| vendors.contains(&model.vendor.as_str()));
        packs.retain(|pack| pack.vendor == model.vendor);
        if packs.iter().flat_map(|pack| pack.known()).any(|known| name.starts_with(spelling::bare(known))) {
            return None;
        }
        let digits = |name: &str| name.chars().filter(char::is_ascii_digit).collect::<String>();
        let near = packs.iter().flat_map(|pack| pack.models()).filter_map(|known| {
            let bare = spelling::bare(known);
            let apart = strsim::damerau_levenshtein(name, bare);
            (apart <= 2 && digits(name) == digits(bare)).then_some((apart, known))
        });
        near.min().map(|(_, known)| known)
    }
}
