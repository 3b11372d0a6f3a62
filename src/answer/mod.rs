//! Answers: API-neutral scripts, the voices that speak them, and their rendition as bytes.

mod library;
mod load;
mod rendition;
mod replay;
mod script;
mod speak;
mod synthesize;
mod voice;

pub use library::{Library, Lookup};
pub(crate) use load::{Flaw, flaw};
pub use load::{load, load_text};
pub use rendition::{Mark, Piece, Rendition, RenditionChunk, Stage};
pub use replay::from_cassette;
pub use script::{AnswerScript, ScriptPart, Spoken, SpokenPart};
pub use speak::speak;
pub use synthesize::Synthesis;
pub use voice::{Lexicon, Voice, word_shapes};
