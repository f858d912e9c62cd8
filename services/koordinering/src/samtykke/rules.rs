//! What a consent may say, and when it can be withdrawn.

use samspor_chassis::{
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    felles::{Feilgrunn, Periode, Rolle},
    klassifisering::{Klasser, kontrakter, kortnavn},
    koordinering::GiSamtykkeRequest,
    tilgang::{Dataklasse, Formal},
};

use super::{Bekreftelse, Innhold, Samtykke, Tilstand};
use crate::{Aktor, navn, vilje::Vilje};

/// Classes that a consent can open. Never JOURNAL, STRAFF, VURDERING and
/// TREDJEPART (tilgang: consent lifts OKONOMI and PARORENDE, never JOURNAL),
/// and TEKNISK needs none.
pub(crate) const KLASSER: Klasser = Klasser::av(&[
    Dataklasse::Identitet,
    Dataklasse::Opphold,
    Dataklasse::Bolig,
    Dataklasse::Okonomi,
    Dataklasse::OkonomiRestanse,
    Dataklasse::Tjeneste,
    Dataklasse::Funksjon,
    Dataklasse::Helse,
    Dataklasse::RisikoNiva,
    Dataklasse::RisikoTiltak,
    Dataklasse::Parorende,
    Dataklasse::VurderingDelt,
]);

/// Roles that a consent can name: staff who work with the person.
const ROLLER: [Rolle; 8] = [
    Rolle::Saksbehandler,
    Rolle::Beslutter,
    Rolle::Behandler,
    Rolle::Miljo,
    Rolle::Leder,
    Rolle::Koordinator,
    Rolle::Boligforvalter,
    Rolle::Jobbspesialist,
];

/// Purposes that a consent can name: work with the person.
const FORMAL: [Formal; 7] = [
    Formal::Ytelse,
    Formal::Samordning,
    Formal::Saksbehandling,
    Formal::Sikkerhet,
    Formal::Tildeling,
    Formal::Oppfolging,
    Formal::ForebyggeUtkastelse,
];

/// Reads what a consent says.
pub(crate) fn les(request: &GiSamtykkeRequest, now: Tid, faults: &mut FieldFaults) -> Innhold {
    let enhet = navn::les_enhet(&request.enhet, "enhet", faults);
    let rolle = Rolle::try_from(request.rolle).unwrap_or_default();
    if !ROLLER.contains(&rolle) {
        faults.unknown("rolle", short(&ROLLER.map(|role| role.as_str_name())));
    }
    let formal = Formal::try_from(request.formal).unwrap_or_default();
    if !FORMAL.contains(&formal) {
        faults.unknown(
            "formal",
            short(&FORMAL.map(|purpose| purpose.as_str_name())),
        );
    }
    let klasser = classes(&request.klasser, faults);
    let post = record(request, klasser, faults);
    let (fra, til) = period(request.periode, now, faults);
    Innhold {
        enhet,
        rolle,
        klasser,
        formal,
        post,
        fra,
        til,
    }
}

/// The one record that is opened; empty for every record. The classes hold the
/// one by which such a record is known to exist: without it nothing is opened.
fn record(request: &GiSamtykkeRequest, klasser: Klasser, faults: &mut FieldFaults) -> String {
    let name = &request.post;
    if name.is_empty() {
        return String::new();
    }
    let of_the_person = name.strip_prefix(&request.parent);
    let Some(rest) = of_the_person.and_then(|rest| rest.strip_prefix('/')) else {
        faults.contradicts("post", "parent", "posten gjelder en annen person");
        return String::new();
    };
    let collection = rest.split('/').next().unwrap_or_default();
    let pattern = format!("personer/{{person}}/{collection}/");
    let mut types = kontrakter().ressurser.values().map(|one| &one.ressurs);
    let Some(type_) = types.find(|one| one.monster.starts_with(&pattern)) else {
        faults.form(
            "post",
            "navnet på en av personens poster, som personer/{uuid}/kriseplaner/{uuid}",
        );
        return String::new();
    };
    navn::les_post(name, collection, "post", faults);
    let exists = type_.eksistensklasse();
    if exists != Dataklasse::Teknisk && !klasser.har(exists) {
        let fix = format_args!(
            "posten finnes bare for den som har {}; ta den med",
            kortnavn(exists)
        );
        faults.contradicts("klasser", "post", fix);
    }
    name.clone()
}

fn classes(numbers: &[i32], faults: &mut FieldFaults) -> Klasser {
    if numbers.is_empty() {
        faults.missing("klasser");
    }
    let mut classes = Klasser::INGEN;
    for (place, number) in numbers.iter().enumerate() {
        match Dataklasse::try_from(*number) {
            Ok(class) if KLASSER.har(class) => classes |= Klasser::av(&[class]),
            _ => {
                let valid: Vec<&str> = KLASSER.iter().map(kortnavn).collect();
                faults.unknown(format!("klasser[{place}]"), valid.join(", "));
            }
        }
    }
    classes
}

fn period(period: Option<Periode>, now: Tid, faults: &mut FieldFaults) -> (Tid, Tid) {
    let Periode { fra, til } = period.unwrap_or_default();
    let fra = match fra.map(Tid::try_from) {
        None => now,
        Some(Ok(fra)) => fra,
        Some(Err(_)) => {
            faults.form("periode.fra", "et gyldig tidspunkt");
            now
        }
    };
    let til = match til.map(Tid::try_from) {
        None => {
            faults.missing("periode.til");
            return (fra, fra);
        }
        Some(Ok(til)) => til,
        Some(Err(_)) => {
            faults.form("periode.til", "et gyldig tidspunkt");
            return (fra, fra);
        }
    };
    if til <= fra {
        faults.contradicts("periode.til", "periode.fra", "til må være etter fra");
    } else if til <= now {
        faults.form("periode.til", "et tidspunkt i framtiden");
    }
    (fra, til)
}

/// Nobody opens records to the own unit alone: what staff record for their own
/// unit waits for a confirmation.
pub(crate) fn bekreftelse(innhold: &Innhold, vilje: &Vilje) -> Bekreftelse {
    let recorder = &vilje.registrert_av;
    if recorder.rolle != Rolle::Innbygger && recorder.enhet == innhold.enhet {
        Bekreftelse::Ventes
    } else {
        Bekreftelse::Unodvendig
    }
}

/// Confirms a consent: the person, or another employee than the recorder.
///
/// # Errors
/// `IKKE_TILLATT` (W6) for the recorder and for a system; `UGYLDIG_OVERGANG`
/// when it does not wait for a confirmation.
pub(crate) fn bekreft(mut samtykke: Samtykke, hvem: Aktor, now: Tid) -> Result<Samtykke, Refusal> {
    match samtykke.tilstand(now) {
        Tilstand::TilBekreftelse => {}
        Tilstand::Gitt => return Err(Refusal::transition("GITT", &["TrekkSamtykke"])),
        Tilstand::Trukket => return Err(Refusal::transition("TRUKKET", &["GiSamtykke"])),
        Tilstand::Utlopt => return Err(Refusal::transition("UTLOPT", &["GiSamtykke"])),
    }
    let recorder = &samtykke.vilje.registrert_av;
    let second_employee = !hvem.ansatt.is_empty() && !hvem.er_samme_ansatte(recorder);
    if hvem.rolle != Rolle::Innbygger && !second_employee {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W6")
            .with(
                "rad",
                "Samtykket bekreftes av personen eller av en annen ansatt enn den som registrerte det.",
            ));
    }
    samtykke.bekreftelse = Bekreftelse::Gitt(now, hvem);
    Ok(samtykke)
}

/// Withdraws a consent: at once, without a reason.
///
/// # Errors
/// `UGYLDIG_OVERGANG` when it was withdrawn already or has run out.
pub(crate) fn trekk(mut samtykke: Samtykke, hvem: Aktor, now: Tid) -> Result<Samtykke, Refusal> {
    match samtykke.tilstand(now) {
        Tilstand::TilBekreftelse | Tilstand::Gitt => {
            samtykke.trukket = Some((now, hvem));
            Ok(samtykke)
        }
        Tilstand::Trukket => Err(Refusal::transition("TRUKKET", &["GiSamtykke"])),
        Tilstand::Utlopt => Err(Refusal::transition("UTLOPT", &["GiSamtykke"])),
    }
}

/// `SAKSBEHANDLER, BESLUTTER` of the contract's long names.
fn short(names: &[&'static str]) -> String {
    let names: Vec<&str> = names
        .iter()
        .map(|name| name.split_once('_').map_or(*name, |(_, short)| short))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use std::time::Duration;

    use samspor_proto::koordinering::Samtykkeform;

    use super::*;

    const NOW: Tid = Tid(1_800_000_000_000_000);
    const DAY: Duration = Duration::from_hours(24);

    fn request() -> GiSamtykkeRequest {
        GiSamtykkeRequest {
            enhet: "enheter/nav".into(),
            rolle: Rolle::Saksbehandler.into(),
            klasser: vec![Dataklasse::Helse.into(), Dataklasse::Funksjon.into()],
            formal: Formal::Oppfolging.into(),
            periode: Some(until(None, NOW.plus(DAY))),
            ..Default::default()
        }
    }

    fn until(fra: Option<Tid>, til: Tid) -> Periode {
        Periode {
            fra: fra.map(Into::into),
            til: Some(til.into()),
        }
    }

    fn faults(change: impl FnOnce(&mut GiSamtykkeRequest)) -> Vec<(String, Feilgrunn)> {
        let mut request = request();
        change(&mut request);
        let mut faults = FieldFaults::new();
        les(&request, NOW, &mut faults);
        match faults.finish() {
            Ok(()) => Vec::new(),
            Err(refusal) => refusal
                .felt
                .into_iter()
                .map(|fault| (fault.felt, fault.grunn))
                .collect(),
        }
    }

    /// Every class of the contract is either open to consent or stands here.
    /// To see it red, add JOURNAL to `KLASSER`.
    #[test]
    fn never_journal_nor_other_closed_classes() {
        let closed: Vec<Dataklasse> = Klasser::alle().uten(KLASSER).iter().collect();
        assert_eq!(
            closed,
            [
                Dataklasse::Teknisk,
                Dataklasse::Journal,
                Dataklasse::Straff,
                Dataklasse::Tredjepart,
                Dataklasse::Vurdering,
            ]
        );
        for class in closed {
            let found = faults(|r| r.klasser.push(class.into()));
            assert_eq!(found, [("klasser[2]".into(), Feilgrunn::FeltUkjentVerdi)]);
        }
    }

    #[test]
    fn every_field_is_held_to_its_rule() {
        type Change = fn(&mut GiSamtykkeRequest);
        let table: [(Change, &str, Feilgrunn); 11] = [
            (|r| r.enhet.clear(), "enhet", Feilgrunn::FeltMangler),
            (|r| r.enhet = "nav".into(), "enhet", Feilgrunn::FeltForm),
            (
                |r| r.enhet = "enheter/*".into(),
                "enhet",
                Feilgrunn::FeltForm,
            ),
            (|r| r.rolle = 0, "rolle", Feilgrunn::FeltUkjentVerdi),
            (
                |r| r.rolle = Rolle::System.into(),
                "rolle",
                Feilgrunn::FeltUkjentVerdi,
            ),
            (|r| r.formal = 0, "formal", Feilgrunn::FeltUkjentVerdi),
            (
                |r| r.formal = Formal::Kontroll.into(),
                "formal",
                Feilgrunn::FeltUkjentVerdi,
            ),
            (|r| r.klasser.clear(), "klasser", Feilgrunn::FeltMangler),
            (|r| r.periode = None, "periode.til", Feilgrunn::FeltMangler),
            (
                |r| r.periode = Some(until(Some(NOW.plus(DAY)), NOW.plus(DAY))),
                "periode.til",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |r| r.periode = Some(until(Some(NOW.minus(DAY)), NOW)),
                "periode.til",
                Feilgrunn::FeltForm,
            ),
        ];
        assert_eq!(faults(|_| ()), []);
        for (change, field, reason) in table {
            assert_eq!(faults(change), [(field.to_owned(), reason)]);
        }
    }

    /// Parent, record, and the field that is wrong.
    ///
    /// Guards against: a record of another, and one that stays unknown.
    #[test]
    fn one_record_is_one_of_the_person() {
        const P: &str = "personer/3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
        let table = [
            ("", "TJENESTE", None),
            (
                "/kriseplaner/4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34",
                "TJENESTE",
                None,
            ),
            (
                "/kriseplaner/4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34",
                "",
                Some("klasser"),
            ),
            ("/kriseplaner/4f2c", "TJENESTE", Some("post")),
            (
                "/kriseplan/4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34",
                "TJENESTE",
                Some("post"),
            ),
            (
                "5/kriseplaner/4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34",
                "TJENESTE",
                Some("post"),
            ),
        ];
        for (rest, class, field) in table {
            let found = faults(|request| {
                request.parent = P.into();
                if !rest.is_empty() {
                    request.post = format!("{P}{rest}");
                }
                if !class.is_empty() {
                    request.klasser.push(Dataklasse::Tjeneste.into());
                }
            });
            let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
            assert_eq!(fields, Vec::from_iter(field), "{rest} {class}");
        }
    }

    fn given() -> Samtykke {
        let mut faults = FieldFaults::new();
        Samtykke {
            id: "s".into(),
            person: "p".into(),
            versjon: 1,
            innhold: les(&request(), NOW, &mut faults),
            vilje: Vilje {
                form: Samtykkeform::Muntlig,
                innhentet: NOW,
                eier: "rop".into(),
                registrert_av: who(),
            },
            bekreftelse: Bekreftelse::Unodvendig,
            trukket: None,
        }
    }

    fn who() -> Aktor {
        Aktor {
            enhet: "rop".into(),
            ansatt: "a1".into(),
            rolle: Rolle::Saksbehandler,
        }
    }

    #[test]
    fn a_withdrawal_ends_the_same_fact_then() {
        let before = given().faktum().unwrap();
        let at = NOW.plus(Duration::from_secs(1));
        let after = trekk(given(), who(), at).unwrap().faktum().unwrap();
        assert_eq!(after.id, before.id);
        assert_eq!(after.periode.unwrap().til, Some(at.into()));
        assert_eq!(before.periode.unwrap().til, Some(NOW.plus(DAY).into()));
    }

    #[test]
    fn neither_a_withdrawn_nor_a_past_consent_is_withdrawn() {
        let withdrawn = trekk(given(), who(), NOW).unwrap();
        let again = trekk(withdrawn, who(), NOW).unwrap_err();
        assert_eq!(again.nokler["tilstand"], "TRUKKET");
        let late = trekk(given(), who(), NOW.plus(DAY)).unwrap_err();
        assert_eq!(late.nokler["tilstand"], "UTLOPT");
        assert_eq!(late.grunn, Feilgrunn::UgyldigOvergang);
    }

    /// Who records, whether for the own unit, and whether that waits.
    ///
    /// Seen red: with `Unodvendig` for everybody, and without the role.
    #[test]
    fn staff_wait_where_they_record_for_their_own_unit() {
        let table = [
            ("rop", Rolle::Saksbehandler, "rop", Bekreftelse::Ventes),
            ("rop", Rolle::Leder, "rop", Bekreftelse::Ventes),
            ("rop", Rolle::Saksbehandler, "nav", Bekreftelse::Unodvendig),
            ("", Rolle::Innbygger, "nav", Bekreftelse::Unodvendig),
            ("", Rolle::Innbygger, "", Bekreftelse::Unodvendig),
        ];
        for (recorder, rolle, reader, expected) in table {
            let mut consent = given();
            consent.vilje.registrert_av.enhet = recorder.into();
            consent.vilje.registrert_av.rolle = rolle;
            consent.innhold.enhet = reader.into();
            let found = bekreftelse(&consent.innhold, &consent.vilje);
            assert_eq!(found, expected, "{recorder} for {reader}");
        }
    }

    /// Seen red: without the look at who confirms; and with the period's own
    /// beginning in the fact, which opened the past too.
    #[test]
    fn another_than_the_recorder_confirms_and_it_opens_from_then() {
        let waiting = || Samtykke {
            bekreftelse: Bekreftelse::Ventes,
            ..given()
        };
        let who_else = |ansatt: &str, rolle| Aktor {
            enhet: "rop".into(),
            ansatt: ansatt.into(),
            rolle,
        };
        assert_eq!(waiting().tilstand(NOW), Tilstand::TilBekreftelse);
        assert_eq!(waiting().faktum(), None);
        assert_eq!(trekk(waiting(), who(), NOW).unwrap().faktum(), None);
        for refused in [who(), who_else("", Rolle::System)] {
            let refusal = bekreft(waiting(), refused, NOW).unwrap_err();
            assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
        }
        let at = NOW.plus(Duration::from_secs(1));
        for confirms in [who_else("a2", Rolle::Miljo), who_else("", Rolle::Innbygger)] {
            let confirmed = bekreft(waiting(), confirms, at).unwrap();
            assert_eq!(confirmed.tilstand(at), Tilstand::Gitt);
            let opens = confirmed.faktum().unwrap().periode.unwrap();
            assert_eq!(opens.fra, Some(at.into()));
            let again = bekreft(confirmed, who_else("a3", Rolle::Miljo), at).unwrap_err();
            assert_eq!(again.nokler["tilstand"], "GITT");
        }
        let late = bekreft(waiting(), who_else("a2", Rolle::Miljo), NOW.plus(DAY));
        assert_eq!(late.unwrap_err().nokler["tilstand"], "UTLOPT");
    }
}
