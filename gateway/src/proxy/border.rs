//! Step 1, the border: what is taken from a caller's headers, and nothing
//! else. Headers towards a service are built from nothing (see `forward`), so
//! that no forged internal header, `-bin` twin, baggage or duplicate can pass.

use std::time::Duration;

use http::HeaderMap;
use samspor_proto::felles::Feilgrunn;

use super::refusal::Refused;

/// Purpose of the call, as `Formal` without prefix: `YTELSE`.
pub const FORMAAL: &str = "x-samspor-formaal";
/// Role that the caller chooses among those of its token.
pub const ROLLE: &str = "x-samspor-rolle";
/// Case that the call belongs to, as a resource name.
pub const SAK: &str = "x-samspor-sak";
/// Trace id of the call, in every answer.
pub const TRACE_ID: &str = "x-samspor-trace-id";

/// Longest time that a unary call may take, whatever its caller grants.
pub(super) const MAX_TIME: Duration = Duration::from_secs(30);
/// How much before its deadline a call is given up, a twentieth of its time
/// between these: at the deadline itself the server drops it without a word.
const MARGIN: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));
const MAX_HEADER: usize = 512;

/// What a caller says about its call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Border {
    pub authorization: Option<String>,
    pub rolle: Option<String>,
    pub formaal: Option<String>,
    pub sak: Option<String>,
    /// Time left; `Duration::ZERO` when it has passed already.
    pub time: Option<Duration>,
}

impl Border {
    /// Reads the headers.
    ///
    /// # Errors
    /// A header that stands twice, is no text or too long: nobody may be able
    /// to argue afterwards which of two purposes was meant.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refused> {
        Ok(Self {
            authorization: single(headers, "authorization", 16 * 1024 + 16)?,
            rolle: single(headers, ROLLE, MAX_HEADER)?,
            formaal: single(headers, FORMAAL, MAX_HEADER)?,
            sak: single(headers, SAK, MAX_HEADER)?,
            time: single(headers, "grpc-timeout", 16)?
                .map(|text| parse_timeout(&text))
                .transpose()?,
        })
    }

    /// How long the call may take; zero when its deadline has passed.
    pub(super) fn time_left(&self) -> Duration {
        self.time.map_or(MAX_TIME, |time| {
            let margin = (time / 20).clamp(MARGIN.0, MARGIN.1);
            time.saturating_sub(margin).min(MAX_TIME)
        })
    }
}

fn single(headers: &HeaderMap, name: &str, max: usize) -> Result<Option<String>, Refused> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let fault = |form: &str| Refused::field(name, Feilgrunn::FeltForm, &[("form", form)]);
    if values.next().is_some() {
        return Err(fault("a single header"));
    }
    let text = value.to_str().map_err(|_| fault("ASCII text"))?;
    if text.len() > max {
        return Err(fault("a shorter value"));
    }
    Ok(Some(text.to_owned()))
}

/// `grpc-timeout`: at most eight digits and a unit.
fn parse_timeout(text: &str) -> Result<Duration, Refused> {
    let fault = || {
        Refused::field(
            "grpc-timeout",
            Feilgrunn::FeltForm,
            &[("form", "up to 8 digits and one of H M S m u n")],
        )
    };
    let unit = text.chars().next_back().ok_or_else(fault)?;
    let digits = text.strip_suffix(unit).unwrap_or_default();
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(fault());
    }
    let n: u64 = digits.parse().map_err(|_| fault())?;
    match unit {
        'H' => Ok(Duration::from_secs(n.saturating_mul(3600))),
        'M' => Ok(Duration::from_secs(n.saturating_mul(60))),
        'S' => Ok(Duration::from_secs(n)),
        'm' => Ok(Duration::from_millis(n)),
        'u' => Ok(Duration::from_micros(n)),
        'n' => Ok(Duration::from_nanos(n)),
        _ => Err(fault()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn a_doubled_header_is_refused_and_internal_ones_are_not_read() {
        assert!(Border::read(&headers(&[(FORMAAL, "YTELSE"), (FORMAAL, "NODHJELP")])).is_err());
        let forged = headers(&[
            ("x-samspor-attest-bin", "AAAA"),
            ("x-samspor-formaal-bin", "AAAA"),
            ("baggage", "role=LEDER"),
        ]);
        assert_eq!(Border::read(&forged).unwrap(), Border::default());
    }

    #[test]
    fn timeouts_follow_the_grpc_form() {
        let time =
            |text| Border::read(&headers(&[("grpc-timeout", text)])).map(|b| b.time.unwrap());
        assert_eq!(time("1500m").unwrap(), Duration::from_millis(1500));
        assert_eq!(time("0n").unwrap(), Duration::ZERO);
        for wrong in ["", "5", "S", "123456789S", "-1S", "1 S", "1Å"] {
            let mut map = HeaderMap::new();
            map.insert(
                "grpc-timeout",
                http::HeaderValue::from_bytes(wrong.as_bytes()).unwrap(),
            );
            assert!(Border::read(&map).is_err(), "{wrong}");
        }
    }
}
