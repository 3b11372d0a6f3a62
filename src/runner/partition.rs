//! A run in shards: which part of the suite is this one's.

use std::str::FromStr;

use crate::scenario::Case;

/// `slice:M/N`: of every N scenarios the Mth.
///
/// Scenarios stay whole: their snapshots and sweeps are made of all their cases, and cases of one scenario mostly share
/// a start of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    shard: usize,
    shards: usize,
}

impl Partition {
    /// The cases of this shard, in order.
    pub fn apply(self, cases: Vec<Case>) -> Vec<Case> {
        let mut files: Vec<String> = Vec::new();
        let mut number = |file: &String| {
            files.iter().position(|known| known == file).unwrap_or_else(|| {
                files.push(file.clone());
                files.len() - 1
            })
        };
        cases.into_iter().filter(|case| number(&case.file) % self.shards == self.shard - 1).collect()
    }
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.strip_prefix("slice:").and_then(|text| text.split_once('/'));
        let parts = parts.and_then(|(shard, shards)| Some((shard.parse().ok()?, shards.parse().ok()?)));
        match parts {
            Some((shard, shards)) if (1..=shards).contains(&shard) => Ok(Self { shard, shards }),
            Some((shard, shards)) => Err(format!("there is no shard {shard} of {shards}; they count from 1")),
            None => Err("a partition is written `slice:M/N`, like `slice:1/4`".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::testing::case;

    #[test]
    fn shards_share_out_whole_scenarios() {
        let cases: Vec<Case> = ["a", "a", "b", "c", "c", "d", "e"]
            .iter()
            .enumerate()
            .map(|(at, file)| Case { file: (*file).to_owned(), ..case(file, &at.to_string()) })
            .collect();
        let files = |text: &str| -> String {
            text.parse::<Partition>().unwrap().apply(cases.clone()).iter().map(|case| case.file.as_str()).collect()
        };
        assert_eq!(files("slice:1/2"), "aacce");
        assert_eq!(files("slice:2/2"), "bd");
        assert_eq!(files("slice:1/1"), "aabccde");
        assert_eq!(files("slice:9/9"), "");
    }

    #[test]
    fn only_slices_that_are_there() {
        for bad in ["1/4", "slice:0/4", "slice:5/4", "slice:1", "slice:a/b", "hash:1/4", "slice:1/0"] {
            assert!(bad.parse::<Partition>().is_err(), "{bad}");
        }
    }
}
