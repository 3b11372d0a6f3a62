//! Reading a saved history, of this format or an older one.

use serde_json::{Value, json};

use super::{FORMAT, History};

/// Turns a history of format n + 1, as JSON, into one of format n + 2. A field that was added has its default where it
/// is declared, and needs nothing here; what was renamed, moved or means something else does.
const UPGRADES: [fn(&mut Value); FORMAT as usize - 1] = [from_1];

/// Reads a `history.json`; one of an older format is upgraded step by step.
///
/// # Errors
/// Says why it is no history, or that it is of a newer format than this program reads.
pub fn read(bytes: &[u8]) -> Result<History, String> {
    let mut history: Value =
        serde_json::from_slice(bytes).map_err(|error| format!("this is no history of a case: {error}"))?;
    let format = history.get("format").and_then(Value::as_u64);
    let Some(format) = format.and_then(|format| usize::try_from(format).ok()).filter(|format| *format > 0) else {
        return Err("this is no history of a case: it names no format".to_owned());
    };
    let Some(upgrades) = UPGRADES.get(format - 1..) else {
        let by = history.get("crossfade").and_then(Value::as_str).unwrap_or("a newer version");
        return Err(format!(
            "a history of format {format}, written by Crossfade {by}; this program reads formats 1 to {FORMAT}. Judge it \
             with the program that wrote it, or with a newer one"
        ));
    };
    for upgrade in upgrades {
        upgrade(&mut history);
    }
    history["format"] = json!(FORMAT);
    serde_json::from_value(history).map_err(|error| format!("this is no history of a case (format {format}): {error}"))
}

/// Format 2 only adds fields.
fn from_1(_: &mut Value) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::{Lab, whole};

    fn tree() -> Value {
        let lab = Lab::chat().answers("primary", 0).hears_answer(&whole(0));
        serde_json::to_value(&lab.history).unwrap()
    }

    #[track_caller]
    fn check(edit: impl FnOnce(&mut Value), expect: &str) {
        let mut tree = tree();
        edit(&mut tree);
        let error = read(&serde_json::to_vec(&tree).unwrap()).unwrap_err();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn what_was_written_is_read() {
        let lab = Lab::chat().answers("primary", 0).hears_answer(&whole(0));
        let bytes = serde_json::to_vec(&lab.history).unwrap();
        assert_eq!(read(&bytes).unwrap(), lab.history);
        let mut old = tree();
        old["format"] = json!(1);
        assert_eq!(read(&serde_json::to_vec(&old).unwrap()).unwrap().format, FORMAT);
    }

    #[test]
    fn what_is_no_history_says_so() {
        check(|tree| tree["format"] = json!(FORMAT + 1), "this program reads formats 1 to");
        check(|tree| tree["format"] = json!(u64::MAX), "this program reads formats 1 to");
        check(|tree| tree["format"] = json!(0), "names no format");
        check(|tree| tree["format"] = json!("2"), "names no format");
        check(|tree| *tree = json!([1]), "names no format");
        check(|tree| *tree = Value::Null, "names no format");
        check(|tree| tree["steps"] = json!(3), "invalid type");
        check(|tree| tree["surplus"] = json!(3), "unknown field `surplus`");
        assert!(read(b"{").unwrap_err().contains("this is no history of a case"));
    }
}
