//! The table at the end of a test.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Numbers of each vendor under some headings.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    headings: [&'static str; N],
    rows: BTreeMap<String, [usize; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(headings: [&'static str; N]) -> Self {
        Self { headings, rows: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, row: &str, numbers: [usize; N]) {
        let sums = self.rows.entry(row.to_owned()).or_insert([0; N]);
        sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
    }

    /// The sum of a column.
    pub(crate) fn sum(&self, column: usize) -> usize {
        self.rows.values().map(|row| row[column]).sum()
    }
}

impl<const N: usize> std::fmt::Display for Table<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut line = |name: &str, cells: [String; N]| {
            let cells = cells.iter().fold(String::new(), |mut line, cell| {
                let _ = write!(line, "{cell:>12}");
                line
            });
            writeln!(f, "  {name:24}{cells}")
        };
        line("vendor", self.headings.map(str::to_owned))?;
        for (name, numbers) in &self.rows {
            line(name, numbers.map(|number| number.to_string()))?;
        }
        line("all", std::array::from_fn(|column| self.sum(column).to_string()))
    }
}
