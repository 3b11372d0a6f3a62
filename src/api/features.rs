//! What the requests of an API can say, as data: whoever compares two APIs asks this, and no names.

/// What requests of an API can say.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub struct Features {
    /// Neutral names of its parameters.
    pub params: &'static [&'static str],
    /// A request can name the end user.
    pub user: bool,
    /// The scale of `temperature` ends at 1, and not at 2.
    pub short_temperature: bool,
    /// A request must say `max_tokens`.
    pub demands_limit: bool,
    /// A trailing assistant turn is gone on from.
    pub prefill: bool,
    /// A prefill that ends in a blank is refused.
    pub trimmed_prefill: bool,
    /// All instructions stand in one place.
    pub one_system_field: bool,
    /// Arguments of calls are objects, and nothing else.
    pub object_arguments: bool,
    /// A result can say that its tool failed.
    pub failed_results: bool,
    /// A result can show an image.
    pub images_in_results: bool,
    /// Parts can carry cache marks.
    pub cache_marks: bool,
    /// JSON can be asked for without a schema.
    pub plain_json: bool,
    /// There is a word for an answer that ended in a refusal.
    pub tells_refusals: bool,
}

impl Features {
    /// An API that can say the least.
    pub(super) const LEAST: Self = Self {
        params: &["max_tokens", "temperature", "top_p"],
        user: false,
        short_temperature: false,
        demands_limit: false,
        prefill: false,
        trimmed_prefill: false,
        one_system_field: false,
        object_arguments: false,
        failed_results: false,
        images_in_results: false,
        cache_marks: false,
        tells_refusals: true,
        plain_json: false,
    };
}
