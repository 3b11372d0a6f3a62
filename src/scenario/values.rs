//! Small values of scenario files: durations and counts.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A duration in milliseconds, written with its unit: `250ms`, `3s`, `2m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct Millis(pub u64);

impl Millis {
    /// As the standard library's duration.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl FromStr for Millis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            _ => return Err(format!("a duration is written with its unit, like `250ms`, `3s` or `2m`, not `{text}`")),
        };
        let number: u64 = number.parse().map_err(|_| format!("`{text}` is no duration: the number is missing"))?;
        number.checked_mul(factor).map(Self).ok_or_else(|| format!("`{text}` is too long"))
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Millis;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration with its unit, like `250ms`, `3s` or `2m`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Millis, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Millis {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m)$",
            "description": "A duration with its unit: `250ms`, `3s`, `2m`."
        })
    }
}

impl From<Millis> for String {
    fn from(millis: Millis) -> Self {
        millis.to_string()
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1_000) { write!(f, "{}s", self.0 / 1_000) } else { write!(f, "{}ms", self.0) }
    }
}

/// How many requests are expected: `n` or `n..m`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Count {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
}

impl Count {
    /// Whether `n` is expected.
    pub fn holds(self, n: u32) -> bool {
        (self.min..=self.max).contains(&n)
    }
}

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("a count is written `2` or `0..1`, not `{text}`");
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let (min, max) = (min.parse().map_err(|_| bad())?, max.parse().map_err(|_| bad())?);
        if min > max { Err(bad()) } else { Ok(Self { min, max }) }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a count like `2` or `0..1`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Count, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: Error>(self, n: u64) -> Result<Count, E> {
                let n = u32::try_from(n).map_err(|_| E::custom(format!("`{n}` requests are too many")))?;
                Ok(Count { min: n, max: n })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Count {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A count: `2`, or `0..1` with both ends.",
            "oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+(\\.\\.[0-9]+)?$"}]
        })
    }
}

impl From<Count> for String {
    fn from(count: Count) -> Self {
        count.to_string()
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max { write!(f, "{}", self.min) } else { write!(f, "{}..{}", self.min, self.max) }
    }
}
