//! What a mandate must be, as tables.

use samspor_chassis::{domene::felles::Aktor, tid::Tid};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    gateway::{ApneGranskingRequest, GranskingTilstand},
    tilgang::Dataklasse,
};

use super::{
    Gransking,
    rules::{apne, avslutt, godkjenn},
};

const DAY: i64 = 24 * 3_600_000_000;
const NOW: Tid = Tid(1_000 * DAY);
const PERSON: &str = "personer/01920000-0000-7000-8000-000000000001";

fn who(enhet: &str, ansatt: &str, rolle: Rolle) -> Aktor {
    Aktor {
        enhet: enhet.to_owned(),
        ansatt: ansatt.to_owned(),
        rolle,
    }
}

fn leder() -> Aktor {
    who("radhuset", "l1", Rolle::Leder)
}

fn ombud() -> Aktor {
    who("radhuset", "p1", Rolle::Personvernombud)
}

fn request() -> ApneGranskingRequest {
    let day = |day: i64| Some(Tid(day * DAY).to_proto());
    ApneGranskingRequest {
        parent: "enheter/radhuset".to_owned(),
        request_id: String::new(),
        gransker: "g1".to_owned(),
        gransker_enhet: "enheter/revisjon".to_owned(),
        enheter: vec!["enheter/nav".to_owned(), "enheter/rop".to_owned()],
        personer: vec![PERSON.to_owned()],
        avvik: String::new(),
        sporings_id: String::new(),
        fra: day(900),
        til: day(950),
        utloper: day(1_030),
        klasser: Vec::new(),
        mandat: "Hvorfor ble utskrivningen ikke fulgt opp?".to_owned(),
    }
}

fn opened() -> Gransking {
    Gransking {
        id: "g".to_owned(),
        versjon: 1,
        innhold: apne(&request(), leder(), NOW).unwrap(),
    }
}

/// Each line breaks one thing, and is refused for the field that it broke.
#[test]
fn a_faulty_mandate_is_refused_by_field() {
    type Break = fn(&mut ApneGranskingRequest);
    let table: [(&str, Break, Feilgrunn); 18] = [
        (
            "parent",
            |r| r.parent = "enheter/nav".into(),
            Feilgrunn::FeltForm,
        ),
        ("enheter", |r| r.enheter.clear(), Feilgrunn::FeltMangler),
        (
            "enheter[1]",
            |r| r.enheter[1] = "rop".into(),
            Feilgrunn::FeltForm,
        ),
        (
            "enheter",
            |r| r.enheter = vec!["enheter/nav".into(); 21],
            Feilgrunn::FeltOmrade,
        ),
        ("gransker", |r| r.gransker.clear(), Feilgrunn::FeltMangler),
        (
            "gransker_enhet",
            |r| r.gransker_enhet = "enheter/nav".into(),
            Feilgrunn::FeltMotstrid,
        ),
        ("personer", |r| r.personer.clear(), Feilgrunn::FeltMangler),
        (
            "personer",
            |r| r.personer[0] = "personer/x".into(),
            Feilgrunn::FeltForm,
        ),
        ("avvik", |r| r.avvik = "avvik/x".into(), Feilgrunn::FeltForm),
        (
            "sporings_id",
            |r| r.sporings_id = "abc".into(),
            Feilgrunn::FeltForm,
        ),
        ("fra", |r| r.fra = None, Feilgrunn::FeltMangler),
        ("til", |r| r.til = r.fra, Feilgrunn::FeltMotstrid),
        (
            "til",
            |r| r.fra = Some(Tid(0).to_proto()),
            Feilgrunn::FeltMotstrid,
        ),
        ("utloper", |r| r.utloper = None, Feilgrunn::FeltMangler),
        (
            "utloper",
            |r| r.utloper = Some(NOW.to_proto()),
            Feilgrunn::FeltForm,
        ),
        (
            "utloper",
            |r| r.utloper = Some(Tid(2_000 * DAY).to_proto()),
            Feilgrunn::FeltForm,
        ),
        (
            "klasser",
            |r| r.klasser = vec![Dataklasse::Journal.into()],
            Feilgrunn::FeltUkjentVerdi,
        ),
        (
            "mandat",
            |r| r.mandat = "hvorfor".into(),
            Feilgrunn::FeltForm,
        ),
    ];
    for (field, spoil, reason) in table {
        let mut request = request();
        spoil(&mut request);
        let refusal = apne(&request, leder(), NOW).unwrap_err();
        let told = format!("{refusal:?}");
        assert!(
            told.contains(&format!("\"{field}\"")) && told.contains(&format!("{reason:?}")),
            "{field}: {told}"
        );
    }
}

/// Nobody opens or approves alone, from within, or for themselves.
#[test]
fn two_roles_outside_the_reviewed_units_open_it() {
    use Rolle::{Leder, Personvernombud as Ombud};
    let refused = |av: Aktor| {
        let mut request = request();
        request.parent = format!("enheter/{}", av.enhet);
        apne(&request, av, NOW).is_err()
    };
    assert!(refused(who("nav", "l2", Leder)), "a unit that is reviewed");
    assert!(refused(who("radhuset", "g1", Leder)), "the reviewer");

    let table = [
        (ombud(), true, "the other role"),
        (leder(), false, "the same employee"),
        (who("radhuset", "l2", Leder), false, "the same role"),
        (
            who("radhuset", "l1", Ombud),
            false,
            "the same employee in another role",
        ),
        (who("rop", "p2", Ombud), false, "a unit that is reviewed"),
        (who("revisjon", "g1", Ombud), false, "the reviewer"),
    ];
    for (av, may, what) in table {
        assert_eq!(godkjenn(opened(), av, NOW).is_ok(), may, "{what}");
    }
    let late = Tid(1_030 * DAY);
    assert!(godkjenn(opened(), ombud(), late).is_err(), "after its time");
}

/// It opens nothing before it is approved, and nothing after it ended.
#[test]
fn its_rights_begin_with_the_approval_and_end_with_it() {
    let proposed = opened();
    assert!(proposed.facts().is_empty());
    let active = godkjenn(proposed, ombud(), NOW).unwrap();
    let periods = |mandate: &Gransking| -> Vec<_> {
        let facts = mandate.facts();
        facts.iter().map(|fact| fact.periode.unwrap()).collect()
    };
    let end = |mandate: &Gransking| periods(mandate)[0].til;
    assert_eq!(
        periods(&active).len(),
        2,
        "the person and the mandate itself"
    );
    assert_eq!(end(&active), Some(Tid(1_030 * DAY).to_proto()));
    assert!(godkjenn(active.clone(), ombud(), NOW).is_err(), "twice");

    let soon = Tid(1_001 * DAY);
    let ended = avslutt(active, soon).unwrap();
    assert_eq!(end(&ended), Some(soon.to_proto()));
    assert_eq!(ended.innhold.tilstand, GranskingTilstand::Avsluttet);
    assert!(avslutt(ended, soon).is_err(), "twice");
}
