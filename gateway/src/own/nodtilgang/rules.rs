//! The life of a break-glass session, as pure functions.

use std::time::Duration;

use samspor_chassis::{
    call::Actor,
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    felles::Feilgrunn,
    gateway::{NodtilgangTilstand, StartNodtilgangRequest},
    klassifisering::{Klasser, kortnavn},
    tilgang::Dataklasse,
};

use super::{Review, Session};

/// Longest session (design § 4).
const MAX_MINUTES: i32 = 60;
/// A review is due this long after the start (domain § 3).
const REVIEW: Duration = Duration::from_hours(7 * 24);
/// Sessions that one employee may start in 24 hours (P20: a cap per employee).
pub(super) const MAX_PER_DAY: i64 = 10;
/// Shortest and longest reason, in characters.
const REASON: (usize, usize) = (10, 2000);

/// Classes that break-glass never opens (P20).
const NEVER: Klasser = Klasser::av(&[
    Dataklasse::Journal,
    Dataklasse::Straff,
    Dataklasse::Okonomi,
    Dataklasse::OkonomiRestanse,
    Dataklasse::Parorende,
    Dataklasse::Vurdering,
]);

/// Starts a session.
pub(super) fn start(
    id: String,
    person: &str,
    request: &StartNodtilgangRequest,
    actor: &Actor,
    started_today: i64,
    now: Tid,
) -> Result<Session, Refusal> {
    let mut faults = FieldFaults::new();
    let length = request.begrunnelse.trim().chars().count();
    if length < REASON.0 {
        faults.form("begrunnelse", "a reason of at least 10 characters");
    }
    if length > REASON.1 {
        faults.too_long("begrunnelse", REASON.1);
    }
    let asked: Klasser = request.klasser().collect();
    if asked.er_tom() {
        faults.missing("klasser");
    }
    if !(asked & NEVER).er_tom() {
        let valid: Vec<_> = Klasser::alle().uten(NEVER).iter().map(kortnavn).collect();
        faults.unknown("klasser", valid.join(", "));
    }
    let minutes = match request.varighet_minutter {
        0 => MAX_MINUTES,
        minutes => minutes,
    };
    if !(1..=MAX_MINUTES).contains(&minutes) {
        faults.range("varighet_minutter", 1, MAX_MINUTES);
    }
    faults.finish()?;
    if started_today >= MAX_PER_DAY {
        return Err(Refusal::new(Feilgrunn::ForMangeKall).with("sekunder", 24 * 3600));
    }
    Ok(Session {
        id,
        person: person.to_owned(),
        enhet: actor.enhet.clone(),
        ansatt: actor.ansatt.clone(),
        rolle: actor.rolle,
        tilstand: NodtilgangTilstand::Aktiv,
        begrunnelse: request.begrunnelse.trim().to_owned(),
        klasser: asked,
        startet: now,
        utloper: now.plus(Duration::from_secs(60 * u64::from(minutes.unsigned_abs()))),
        avsluttet: None,
        frist: now.plus(REVIEW),
        gjennomgang: None,
        versjon: 1,
    })
}

/// Ends it: by its user, or by time when `actor` is none.
pub(super) fn end(session: Session, actor: Option<&Actor>, now: Tid) -> Result<Session, Refusal> {
    if actor.is_some_and(|actor| actor.ansatt != session.ansatt) {
        return Err(Refusal::not_found());
    }
    if session.tilstand != NodtilgangTilstand::Aktiv {
        return Err(refused_transition(&session));
    }
    Ok(Session {
        tilstand: NodtilgangTilstand::Avsluttet,
        avsluttet: Some(now.min(session.utloper)),
        versjon: session.versjon + 1,
        ..session
    })
}

/// Reviews it: never by its own user (W8), only once it has ended.
pub(super) fn review(
    session: Session,
    actor: &Actor,
    justified: bool,
    finding: &str,
    now: Tid,
) -> Result<Session, Refusal> {
    let mut faults = FieldFaults::new();
    if finding.trim().is_empty() {
        faults.missing("vurdering");
    }
    if finding.chars().count() > REASON.1 {
        faults.too_long("vurdering", REASON.1);
    }
    faults.finish()?;
    if actor.ansatt == session.ansatt {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W8")
            .with("rad", "a session is reviewed by another than its user"));
    }
    // Time ends a session also when the ticker has not come to it yet.
    let session = if session.tilstand == NodtilgangTilstand::Aktiv && session.utloper <= now {
        end(session, None, now)?
    } else {
        session
    };
    if session.tilstand != NodtilgangTilstand::Avsluttet {
        return Err(refused_transition(&session));
    }
    Ok(Session {
        tilstand: if justified {
            NodtilgangTilstand::Berettiget
        } else {
            NodtilgangTilstand::Uberettiget
        },
        gjennomgang: Some(Review {
            enhet: actor.enhet.clone(),
            ansatt: actor.ansatt.clone(),
            rolle: actor.rolle,
            vurdering: finding.trim().to_owned(),
        }),
        versjon: session.versjon + 1,
        ..session
    })
}

fn refused_transition(session: &Session) -> Refusal {
    let state = session
        .tilstand
        .as_str_name()
        .strip_prefix("NODTILGANG_TILSTAND_")
        .unwrap_or_default();
    let allowed: &[&str] = match session.tilstand {
        NodtilgangTilstand::Aktiv => &["AvsluttNodtilgang"],
        NodtilgangTilstand::Avsluttet => &["GjennomgaNodtilgang"],
        _ => &[],
    };
    Refusal::transition(state, allowed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use samspor_proto::felles::Rolle;

    use super::*;

    const NOW: Tid = Tid(1_800_000_000_000_000);

    fn actor(ansatt: &str) -> Actor {
        Actor {
            enhet: "rop".into(),
            ansatt: ansatt.into(),
            rolle: Rolle::Behandler,
            person: None,
        }
    }

    fn request() -> StartNodtilgangRequest {
        StartNodtilgangRequest {
            begrunnelse: "found unconscious at home".into(),
            klasser: vec![Dataklasse::Helse.into()],
            ..StartNodtilgangRequest::default()
        }
    }

    fn started() -> Session {
        start("id".into(), "person", &request(), &actor("a"), 0, NOW).unwrap()
    }

    #[test]
    fn a_session_opens_in_the_role_in_which_it_was_started() {
        assert_eq!(started().fact().rolle(), actor("a").rolle);
        assert_ne!(actor("a").rolle, Rolle::Unspecified);
    }

    #[test]
    fn a_session_is_an_hour_at_most_and_never_opens_some_classes() {
        assert_eq!(started().utloper, NOW.plus(Duration::from_hours(1)));
        let faulty = |change: fn(&mut StartNodtilgangRequest)| {
            let mut request = request();
            change(&mut request);
            start("id".into(), "person", &request, &actor("a"), 0, NOW).unwrap_err()
        };
        for (refusal, field) in [
            (faulty(|r| r.begrunnelse = "x".into()), "begrunnelse"),
            (faulty(|r| r.klasser.clear()), "klasser"),
            (
                faulty(|r| r.klasser.push(Dataklasse::Journal.into())),
                "klasser",
            ),
            (faulty(|r| r.varighet_minutter = 61), "varighet_minutter"),
            (faulty(|r| r.varighet_minutter = -1), "varighet_minutter"),
        ] {
            assert_eq!(refusal.felt.first().unwrap().felt, field);
        }
        let capped = start(
            "id".into(),
            "person",
            &request(),
            &actor("a"),
            MAX_PER_DAY,
            NOW,
        );
        assert_eq!(capped.unwrap_err().grunn, Feilgrunn::ForMangeKall);
    }

    #[test]
    fn only_its_user_ends_it_and_only_another_reviews_it() {
        assert_eq!(
            end(started(), Some(&actor("b")), NOW).unwrap_err(),
            Refusal::not_found()
        );
        let early = review(started(), &actor("b"), true, "seen", NOW).unwrap_err();
        assert_eq!(early.grunn, Feilgrunn::UgyldigOvergang);
        let ended = end(started(), Some(&actor("a")), NOW).unwrap();
        assert_eq!(
            end(ended.clone(), Some(&actor("a")), NOW)
                .unwrap_err()
                .grunn,
            Feilgrunn::UgyldigOvergang
        );
        let own = review(ended.clone(), &actor("a"), true, "seen", NOW).unwrap_err();
        assert_eq!(own.grunn, Feilgrunn::IkkeTillatt);
        let reviewed = review(ended, &actor("b"), false, "seen", NOW).unwrap();
        assert_eq!(reviewed.tilstand, NodtilgangTilstand::Uberettiget);
        assert_eq!(
            review(reviewed, &actor("c"), true, "again", NOW)
                .unwrap_err()
                .grunn,
            Feilgrunn::UgyldigOvergang
        );
    }

    #[test]
    fn an_expired_session_can_be_reviewed_before_the_ticker_ends_it() {
        let late = NOW.plus(Duration::from_hours(2));
        let reviewed = review(started(), &actor("b"), true, "seen", late).unwrap();
        assert_eq!(reviewed.avsluttet, Some(reviewed.utloper));
    }
}
