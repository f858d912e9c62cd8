//! Statements over several rows, in the one SQL text of both databases.

use std::fmt::Write as _;

/// Most rows of one statement. Both databases bind at least 32 766 values.
pub(crate) const MOST_ROWS: usize = 256;

/// `($1,$2),($3,$4)` for two rows of two columns.
pub(crate) fn values(rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * (columns * 5 + 3));
    let mut number = 0;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            number += 1;
            let comma = if column == 0 { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(text, "{comma}${number}");
        }
        text.push(')');
    }
    text
}

/// Chunks of at most [`MOST_ROWS`] for an `IN` list, each with the length that
/// the list must be padded to (by repeating a value): a power of two, so that
/// few distinct statements are prepared.
pub(crate) fn lists<T>(items: &[T]) -> impl Iterator<Item = (&[T], usize)> {
    items
        .chunks(MOST_ROWS)
        .map(|chunk| (chunk, chunk.len().next_power_of_two()))
}

/// Binds each item of an `IN` list and pads it to `length`.
pub(crate) fn bind_list<'q>(
    mut query: sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>,
    items: impl Iterator<Item = &'q str> + Clone,
    length: usize,
) -> sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments> {
    for item in items.cycle().take(length) {
        query = query.bind(item);
    }
    query
}

/// Whether a statement over `rows` rows recurs often enough to be kept prepared.
pub(crate) const fn recurs(rows: usize) -> bool {
    rows <= 64 || rows == MOST_ROWS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_through() {
        assert_eq!(values(2, 2), "($1,$2),($3,$4)");
        assert_eq!(values(1, 3), "($1,$2,$3)");
    }

    #[test]
    fn lists_pad_to_powers_of_two() {
        let items = [(); 259];
        let sizes: Vec<_> = lists(&items).map(|(c, n)| (c.len(), n)).collect();
        assert_eq!(sizes, [(256, 256), (3, 4)]);
    }
}
