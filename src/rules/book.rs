//! All rules together: the bundled ones, and what a user adds and switches.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LeftOut, Pack, Rule, spelling};
use crate::api::ModelName;
use crate::diagnostic::{Diagnostic, SourceFile, suggestion};
use crate::yaml::{Document, Limits};

/// Rule files that ship with Crossfade.
macro_rules! files {
    ($($name:literal)*) => {
        /// Rule files that ship with Crossfade.
        pub(super) const FILES: &[(&str, &str)] = &[$((concat!("src/rules/", $name), include_str!($name))),*];
    };
}

files! {
    "anthropic.yaml"
    "gemini.yaml"
    "openai.yaml"
    "openai-responses.yaml"
    "azure-openai.yaml"
    "bedrock.yaml"
    "cohere.yaml"
    "deepseek.yaml"
    "deepseek-responses.yaml"
    "groq.yaml"
    "llamacpp.yaml"
    "mistral.yaml"
    "ollama.yaml"
    "openrouter.yaml"
    "perplexity.yaml"
    "vertex.yaml"
    "vllm.yaml"
    "xai.yaml"
    "xai-responses.yaml"
}

/// Every rule.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
    packs: Vec<Pack>,
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
        static BOOK: LazyLock<RuleBook> = LazyLock::new(|| {
            let files = FILES.iter().map(|(name, text)| SourceFile::new(*name, *text));
            RuleBook::new(files).expect("a test loads the bundled rules")
        });
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
                    let known = book.packs.iter().flat_map(|pack| &pack.rules).map(|rule| rule.id.as_str());
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
        self.packs.push(pack);
        Ok(())
    }

    /// The rule files.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// A rule by its id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.find(id).map(|(_, rule)| rule)
    }

    /// A rule and its file by the rule's id.
    pub fn find(&self, id: &str) -> Option<(&Pack, &Rule)> {
        let mut rules = self.packs.iter().flat_map(|pack| pack.rules.iter().map(move |rule| (pack, rule)));
        rules.find(|(_, rule)| rule.id == id)
    }

    /// Why there is no rule for a refusal that is known, by its name.
    pub fn left_out(&self, what: &str) -> Option<&LeftOut> {
        self.packs.iter().flat_map(|pack| &pack.left_out).find(|left| left.what.iter().any(|each| each == what))
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
        let packs = || self.packs.iter().filter(|pack| pack.vendor == model.vendor);
        if packs().flat_map(Pack::known).any(|known| name.starts_with(spelling::bare(known))) {
            return None;
        }
        let digits = |name: &str| name.chars().filter(char::is_ascii_digit).collect::<String>();
        let near = packs().flat_map(Pack::models).filter_map(|known| {
            let bare = spelling::bare(known);
            let apart = strsim::damerau_levenshtein(name, bare);
            (apart <= 2 && digits(name) == digits(bare)).then_some((apart, known))
        });
        near.min().map(|(_, known)| known)
    }
}
