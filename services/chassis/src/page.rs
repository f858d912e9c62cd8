//! Pages of a list: keyset paging, so that a page costs the same wherever it
//! is and no record is skipped when others are added.

use samspor_proto::felles::Feilgrunn;

use crate::error::{FieldFaults, Refusal};

/// Page size when the caller states none.
pub const DEFAULT_SIZE: i32 = 50;
/// Largest page size of a caller. The gateway asks an owner for one record
/// more, to know whether something is left that the caller may see.
pub const MAX_SIZE: i32 = 200;
/// Longest token: a keyset is a few ids or names.
const MAX_TOKEN: usize = 1_000;

/// One asked-for page of a list.
///
/// ```
/// # use samspor_chassis::page::Page;
/// let page = Page::parse(2, "").unwrap();
/// assert_eq!((page.after(), page.limit()), (None, 3));
/// // … ORDER BY name LIMIT $limit gave one row more than the page holds:
/// let (rows, next) = page.cut(vec!["a", "b", "c"], |name| name.to_string());
/// assert_eq!((rows, next.as_str()), (vec!["a", "b"], "b"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    size: u16,
    after: Option<String>,
}

impl Page {
    /// The page that a request asks for. A `page_size` of 0 is
    /// [`DEFAULT_SIZE`]. The token is the key of the last record of the page
    /// before, in the clear: the gateway seals it towards callers.
    ///
    /// # Errors
    /// FELT_OMRADE for a size outside 0 to [`MAX_SIZE`] + 1, UGYLDIG_SIDETOKEN for
    /// a token that no list gave.
    pub fn parse(page_size: i32, page_token: &str) -> Result<Self, Refusal> {
        let mut faults = FieldFaults::new();
        if !(0..=MAX_SIZE + 1).contains(&page_size) {
            faults.range("page_size", 1, MAX_SIZE);
        }
        faults.finish()?;
        if page_token.len() > MAX_TOKEN || page_token.contains('\0') {
            return Err(Refusal::new(Feilgrunn::UgyldigSidetoken));
        }
        let size = if page_size == 0 {
            DEFAULT_SIZE
        } else {
            page_size
        };
        Ok(Self {
            size: u16::try_from(size).unwrap_or_default(),
            after: Some(page_token.to_owned()).filter(|token| !token.is_empty()),
        })
    }

    /// Key after which the page begins; none for the first page.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// How many rows to fetch: one more than the page holds, which tells
    /// whether there is a next page.
    #[must_use]
    pub fn limit(&self) -> i64 {
        i64::from(self.size) + 1
    }

    /// How many records the page holds at most.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size.into()
    }

    /// The token of the next page, when `last_key` is the key of the last
    /// record of this one.
    #[must_use]
    pub fn next(&self, last_key: String) -> String {
        last_key
    }

    /// The records of the page and the token of the next (empty at the end),
    /// from the rows that [`Page::limit`] fetched.
    pub fn cut<T>(&self, mut rows: Vec<T>, key: impl FnOnce(&T) -> String) -> (Vec<T>, String) {
        if rows.len() <= self.size() {
            return (rows, String::new());
        }
        rows.truncate(self.size());
        let next = rows.last().map(|last| self.next(key(last)));
        (rows, next.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(Page::parse(0, "").unwrap().size(), 50);
        assert_eq!(Page::parse(200, "").unwrap().size(), 200);
        for size in [-1, 202, i32::MAX, i32::MIN] {
            let refusal = Page::parse(size, "").unwrap_err();
            assert_eq!(refusal.felt[0].grunn, Feilgrunn::FeltOmrade);
        }
    }

    #[test]
    fn tokens() {
        assert_eq!(Page::parse(1, "k").unwrap().after(), Some("k"));
        for token in ["a\0b".to_owned(), "x".repeat(1_001)] {
            let refusal = Page::parse(1, &token).unwrap_err();
            assert_eq!(refusal.grunn, Feilgrunn::UgyldigSidetoken);
        }
    }

    #[test]
    fn every_row_is_on_exactly_one_page() {
        let all: Vec<String> = (0..7).map(|n| n.to_string()).collect();
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = Page::parse(3, &token).unwrap();
            let rows = all
                .iter()
                .filter(|row| page.after().is_none_or(|after| row.as_str() > after))
                .take(usize::try_from(page.limit()).unwrap())
                .cloned()
                .collect();
            let (rows, next) = page.cut(rows, Clone::clone);
            seen.extend(rows);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        assert_eq!(seen, all);
    }
}
