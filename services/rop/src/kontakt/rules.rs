//! What a contact may say, and what follows from it.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt, kalender, navn},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::rop::{Kontakttype, Kontaktutfall, RegistrerKontaktRequest};

use super::{FRIST_NYTT_TILBUD, Innhold, Kontakt, Rettelse, Utfall};
use crate::{planlegging, risikovurdering::Bemanning};

/// How far back a contact can be registered.
const ELDST_MANEDER: i32 = 120;
/// Longest contact, in minutes.
const LENGST: i32 = 24 * 60;
/// Most employees in one contact beside the one who registers.
const FLEST_ANSATTE: usize = 20;

/// Whether staff meet the person outside the service's own rooms, where the
/// two-staff measure applies.
pub(crate) const fn utenfor(type_: Kontakttype) -> bool {
    matches!(type_, Kontakttype::Besok | Kontakttype::Oppsokende)
}

/// Employees, each once and in a form that is an id.
pub(crate) fn les_ansatte(ansatte: &[String], faults: &mut FieldFaults) -> Vec<String> {
    let read = felt::tekster(ansatte, "ansatte", FLEST_ANSATTE, faults);
    for (place, ansatt) in read.iter().enumerate() {
        let field = format!("ansatte[{place}]");
        if !ansatt.bytes().all(|b| b.is_ascii_graphic()) {
            faults.form(field, "en id uten mellomrom");
        } else if read.iter().take(place).any(|before| before == ansatt) {
            faults.contradicts(field, "ansatte", "den ansatte er nevnt før");
        }
    }
    read
}

/// Id of a record of the same person that a field names; empty: none.
pub(crate) fn les_ref(
    name: &str,
    samling: &str,
    person: &str,
    field: &'static str,
    faults: &mut FieldFaults,
) -> String {
    if name.is_empty() {
        return String::new();
    }
    let (owner, id) = navn::les_post(name, samling, field, faults);
    if !owner.is_empty() && owner != person {
        faults.contradicts(field, "parent", "posten gjelder en annen person");
    }
    id
}

/// Why what a request corrects was wrong: said exactly where it corrects.
pub(crate) fn les_rettelse(retter: &str, rettelse: &str, faults: &mut FieldFaults) -> String {
    if retter.is_empty() && !rettelse.trim().is_empty() {
        faults.contradicts("rettelse", "retter", "gjelder bare når noe rettes");
    } else if !retter.is_empty() {
        return felt::pakrevd(rettelse, "rettelse", felt::LANG, faults);
    }
    String::new()
}

/// So many missed contacts in a row call for outreach.
pub(crate) const OPPSOKENDE_ETTER: usize = 3;

/// What a contact is held to beside its own fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Krav {
    /// How many employees the risk assessment asks for.
    pub(crate) bemanning: Bemanning,
    /// Days after which it is registered late.
    pub(crate) etterregistrering_dager: u16,
    /// Days within which what the person declined is offered again.
    pub(crate) nytt_tilbud_dager: u16,
    /// It is part of a history that is taken in: it may be old, and what the
    /// person was offered again may have come and gone.
    pub(crate) historie: bool,
}

impl Krav {
    /// What a historical contact is held to.
    pub(crate) const HISTORIE: Self = Self {
        bemanning: Bemanning::En,
        etterregistrering_dager: 0,
        nytt_tilbud_dager: 0,
        historie: true,
    };
}

/// What was registered.
pub(crate) struct Registrering {
    pub(crate) utfall: Utfall,
    pub(crate) tidspunkt: Tid,
    pub(crate) innhold: Innhold,
}

/// Reads a contact. None only where there is a fault.
pub(crate) fn les(
    request: &RegistrerKontaktRequest,
    person: &str,
    av: &Aktor,
    now: Tid,
    krav: Krav,
    faults: &mut FieldFaults,
) -> Option<Registrering> {
    let type_: Kontakttype =
        felt::valg(request.r#type, "type", "samspor.rop.v1.Kontakttype", faults);
    let outcome: Kontaktutfall = felt::valg(
        request.utfall,
        "utfall",
        "samspor.rop.v1.Kontaktutfall",
        faults,
    );
    let tidspunkt = felt::tidspunkt(request.tidspunkt, "tidspunkt", faults).unwrap_or(now);
    if tidspunkt > now {
        faults.form("tidspunkt", "et tidspunkt som ikke er i framtiden");
    } else if !krav.historie && Dag::av(tidspunkt) < Dag::av(now).pluss_maneder(-ELDST_MANEDER) {
        faults.form("tidspunkt", "et tidspunkt høyst ti år tilbake");
    }
    let sen_begrunnelse = felt::tekst(
        &request.sen_begrunnelse,
        "sen_begrunnelse",
        felt::LANG,
        faults,
    );
    let sen = tidspunkt < now.minus(kalender::dager(u64::from(krav.etterregistrering_dager)));
    if sen && sen_begrunnelse.is_empty() && !krav.historie {
        faults.missing("sen_begrunnelse");
    }
    let ansatte = les_ansatte(&request.ansatte, faults);
    let alone = ansatte.iter().all(|ansatt| *ansatt == av.ansatt);
    let alene_begrunnelse = felt::tekst(
        &request.alene_begrunnelse,
        "alene_begrunnelse",
        felt::LANG,
        faults,
    );
    if !alene_begrunnelse.is_empty() && !alone {
        faults.contradicts(
            "alene_begrunnelse",
            "ansatte",
            "gjelder bare en ansatt alene",
        );
    } else if alene_begrunnelse.is_empty() && alone && utenfor(type_) {
        match krav.bemanning {
            Bemanning::En => {}
            Bemanning::To => faults.missing("alene_begrunnelse"),
            Bemanning::ToUtlopt => faults.contradicts(
                "alene_begrunnelse",
                "ansatte",
                "risikovurderingen er utløpt uten å være erstattet, og to ansatte kreves fortsatt; \
                 skriv hvorfor én var alene, og registrer en ny vurdering",
            ),
        }
    }
    if !(0..=LENGST).contains(&request.minutter) {
        faults.range("minutter", 0, LENGST);
    }
    let declined = outcome == Kontaktutfall::TakketNei;
    let siste = Dag::av(now).pluss_dager(krav.nytt_tilbud_dager.into());
    let nytt_tilbud = felt::dag(&request.nytt_tilbud, "nytt_tilbud", faults);
    match (declined, nytt_tilbud) {
        (true, None) if request.nytt_tilbud.is_empty() && !krav.historie => {
            faults.missing("nytt_tilbud");
        }
        (true, Some(day)) if day < Dag::av(now) && !krav.historie => {
            faults.form("nytt_tilbud", "en dag som ikke er passert");
        }
        (true, Some(day)) if day > siste && !krav.historie => {
            faults.form("nytt_tilbud", format_args!("en dag senest {siste}"));
        }
        (false, Some(_)) => {
            faults.contradicts(
                "nytt_tilbud",
                "utfall",
                "gjelder bare når personen takket nei",
            );
        }
        _ => {}
    }
    if !request.oppdrag.is_empty() {
        let (owner, _) = navn::les_post(&request.oppdrag, "oppdrag", "oppdrag", faults);
        if !owner.is_empty() && owner != person {
            faults.contradicts("oppdrag", "parent", "oppdraget gjelder en annen person");
        }
    }
    les_rettelse(&request.retter, &request.rettelse, faults);
    let innhold = Innhold {
        type_,
        notat: felt::tekst(&request.notat, "notat", felt::LANG, faults),
        sted: felt::tekst(&request.sted, "sted", felt::KORT, faults),
        nytt_tilbud,
        oppdrag: request.oppdrag.clone(),
        registrert_av: av.clone(),
        registrert: now,
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
        minutter: request.minutter,
        ansatte,
        alene_begrunnelse,
        sen_begrunnelse,
        tiltak: les_ref(&request.tiltak, super::TILTAK, person, "tiltak", faults),
        retter: les_ref(&request.retter, super::SAMLING, person, "retter", faults),
        planlagt: les_ref(
            &request.planlagt,
            planlegging::SAMLING,
            person,
            "planlagt",
            faults,
        ),
    };
    let utfall = Utfall::ALLE
        .iter()
        .copied()
        .find(|known| Kontaktutfall::from(*known) == outcome)?;
    Some(Registrering {
        utfall,
        tidspunkt,
        innhold,
    })
}

/// Registers a contact. `waiting` are the names of the person's declined
/// contacts that wait to be offered again: being met, or a new answer, settles
/// them.
pub(crate) fn registrer(
    registrering: Registrering,
    person: String,
    id: String,
    waiting: &[String],
) -> (Kontakt, Virkninger) {
    let Registrering {
        utfall,
        tidspunkt,
        innhold,
    } = registrering;
    let kontakt = Kontakt {
        person,
        id,
        ansvarlig_enhet: innhold.registrert_av.enhet.clone(),
        utfall,
        tidspunkt,
        innhold,
        rettelse: None,
    };
    let emne = kontakt.emne();
    let owner = [kontakt.ansvarlig_enhet.clone()];
    let mut out = Virkninger::new();
    out.hendelse("KontaktRegistrert", &emne, owner.clone());
    if !kontakt.innhold.alene_begrunnelse.is_empty() {
        out.hendelse("AleneMotRisikotiltak", &emne, owner.clone());
    }
    if avgjor_tilbud(utfall) {
        for post in waiting {
            out.slett_frist(FRIST_NYTT_TILBUD, post);
        }
    }
    if let Some(clock) = tilbud(&kontakt) {
        out.frister.extend(clock.frister);
    }
    (kontakt, out)
}

/// Marks a contact as wrong; what it waited for is waited for no more.
///
/// # Errors
/// `UGYLDIG_OVERGANG` where it was marked before.
pub(crate) fn rett(
    mut kontakt: Kontakt,
    rettelse: Rettelse,
) -> Result<(Kontakt, Virkninger), Refusal> {
    if kontakt.rettelse.is_some() {
        return Err(Refusal::transition("RETTET", &[]));
    }
    kontakt.rettelse = Some(rettelse);
    let mut out = Virkninger::new();
    let owner = [kontakt.ansvarlig_enhet.clone()];
    out.hendelse("KontaktRettet", &kontakt.emne(), owner);
    out.slett_frist(FRIST_NYTT_TILBUD, &kontakt.name());
    Ok((kontakt, out))
}

/// The clock of an offer that is to be made again: told on the day, and again
/// when the day has passed.
pub(crate) fn tilbud(kontakt: &Kontakt) -> Option<Virkninger> {
    let day = kontakt.innhold.nytt_tilbud?;
    let mut out = Virkninger::new();
    let owner = [kontakt.ansvarlig_enhet.clone()];
    let warn = Some(day.start());
    out.frist(FRIST_NYTT_TILBUD, &kontakt.emne(), day.slutt(), warn, owner);
    Some(out)
}

/// Whether a contact settles what the person had declined before.
pub(crate) fn avgjor_tilbud(utfall: Utfall) -> bool {
    utfall != Utfall::IkkeMott
}

/// Whether a contact is the outreach that three missed ones asked for: someone
/// looked for the person, or the person was met or answered.
pub(crate) fn er_oppsok(type_: Kontakttype, utfall: Utfall) -> bool {
    type_ == Kontakttype::Oppsokende || utfall != Utfall::IkkeMott
}

/// Whether a contact calls for outreach, given the latest outcomes with it,
/// newest first.
pub(crate) fn trenger_oppsok(latest: &[Utfall]) -> bool {
    latest.len() >= OPPSOKENDE_ETTER
        && latest
            .iter()
            .take(OPPSOKENDE_ETTER)
            .all(|utfall| *utfall == Utfall::IkkeMott)
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )]

    use samspor_chassis::domene::virkning::Fristendring;
    use samspor_proto::{
        felles::{Feilgrunn, Hjemmel, Rolle},
        rop::Kontakttype,
    };

    use super::*;

    /// Friday 2027-01-15 08:00 UTC.
    const NOW: Tid = Tid(1_800_000_000_000_000);
    const P: &str = "3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
    const DAY: i64 = 86_400_000_000;
    const OTHER: &str = "4f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";

    fn request(utfall: Kontaktutfall, nytt_tilbud: &str) -> RegistrerKontaktRequest {
        RegistrerKontaktRequest {
            r#type: Kontakttype::Besok.into(),
            utfall: utfall.into(),
            nytt_tilbud: nytt_tilbud.into(),
            hjemmel: Some(Hjemmel {
                lov: "helse- og omsorgstjenesteloven".into(),
                paragraf: "§ 3-2".into(),
            }),
            ..Default::default()
        }
    }

    fn read(request: &RegistrerKontaktRequest) -> Result<Registrering, Vec<(String, Feilgrunn)>> {
        read_with(request, Bemanning::En)
    }

    fn read_with(
        request: &RegistrerKontaktRequest,
        bemanning: Bemanning,
    ) -> Result<Registrering, Vec<(String, Feilgrunn)>> {
        let krav = Krav {
            bemanning,
            etterregistrering_dager: 30,
            nytt_tilbud_dager: 92,
            historie: false,
        };
        let by = Aktor {
            enhet: "rop".into(),
            ansatt: "r1".into(),
            rolle: Rolle::Miljo,
        };
        let mut faults = FieldFaults::new();
        let read = les(request, P, &by, NOW, krav, &mut faults);
        match faults.finish() {
            Ok(()) => Ok(read.unwrap()),
            Err(refusal) => Err(refusal
                .felt
                .into_iter()
                .map(|fault| (fault.felt, fault.grunn))
                .collect()),
        }
    }

    /// Seen red: with a day further ahead. To see it red, let a declined contact
    /// go without a day.
    #[test]
    fn declined_is_not_closed() {
        let table = [
            (Kontaktutfall::TakketNei, "", Some(Feilgrunn::FeltMangler)),
            (
                Kontaktutfall::TakketNei,
                "2027-01-14",
                Some(Feilgrunn::FeltForm),
            ),
            (Kontaktutfall::TakketNei, "snart", Some(Feilgrunn::FeltForm)),
            (
                Kontaktutfall::Mott,
                "2027-02-01",
                Some(Feilgrunn::FeltMotstrid),
            ),
            (
                Kontaktutfall::IkkeMott,
                "2027-02-01",
                Some(Feilgrunn::FeltMotstrid),
            ),
            (Kontaktutfall::TakketNei, "2027-01-15", None),
            (Kontaktutfall::TakketNei, "2027-04-17", None),
            (
                Kontaktutfall::TakketNei,
                "2027-04-18",
                Some(Feilgrunn::FeltForm),
            ),
            (Kontaktutfall::Mott, "", None),
        ];
        for (utfall, day, expected) in table {
            let found = read(&request(utfall, day)).err();
            let expected = expected.map(|reason| vec![("nytt_tilbud".to_owned(), reason)]);
            assert_eq!(found, expected, "{utfall:?} {day}");
        }
    }

    #[test]
    fn every_other_field_is_held_to_its_rule() {
        type Change = fn(&mut RegistrerKontaktRequest);
        let table: [(Change, &str, Feilgrunn); 17] = [
            (
                |r| r.retter = navn::post(P, "kontakter", OTHER),
                "rettelse",
                Feilgrunn::FeltMangler,
            ),
            (
                |r| r.rettelse = "feil dag".into(),
                "rettelse",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |r| {
                    r.retter = navn::post(OTHER, "kontakter", P);
                    r.rettelse = "feil person".into();
                },
                "retter",
                Feilgrunn::FeltMotstrid,
            ),
            (|r| r.r#type = 0, "type", Feilgrunn::FeltUkjentVerdi),
            (|r| r.utfall = 9, "utfall", Feilgrunn::FeltUkjentVerdi),
            (|r| r.hjemmel = None, "hjemmel", Feilgrunn::FeltMangler),
            (
                |r| r.tidspunkt = Some(Tid(NOW.0 + 1).into()),
                "tidspunkt",
                Feilgrunn::FeltForm,
            ),
            (
                |r| r.oppdrag = "oppdrag".into(),
                "oppdrag",
                Feilgrunn::FeltForm,
            ),
            (
                |r| r.oppdrag = navn::post(OTHER, "oppdrag", P),
                "oppdrag",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |r| r.tidspunkt = Some(Tid(NOW.0 - 31 * DAY).into()),
                "sen_begrunnelse",
                Feilgrunn::FeltMangler,
            ),
            (
                |r| {
                    r.tidspunkt = Some(Tid(NOW.0 - 3_660 * DAY).into());
                    r.sen_begrunnelse = "funnet igjen".into();
                },
                "tidspunkt",
                Feilgrunn::FeltForm,
            ),
            (|r| r.minutter = -1, "minutter", Feilgrunn::FeltOmrade),
            (|r| r.minutter = 1_441, "minutter", Feilgrunn::FeltOmrade),
            (
                |r| r.ansatte = vec!["r2".into(), "r2".into()],
                "ansatte[1]",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |r| r.ansatte = vec!["Ola N".into()],
                "ansatte[0]",
                Feilgrunn::FeltForm,
            ),
            (
                |r| {
                    r.ansatte = vec!["r2".into()];
                    r.alene_begrunnelse = "haster".into();
                },
                "alene_begrunnelse",
                Feilgrunn::FeltMotstrid,
            ),
            (
                |r| r.tiltak = navn::post(OTHER, "tiltak", P),
                "tiltak",
                Feilgrunn::FeltMotstrid,
            ),
        ];
        for (change, field, reason) in table {
            let mut request = request(Kontaktutfall::Mott, "");
            change(&mut request);
            assert_eq!(read(&request).err(), Some(vec![(field.to_owned(), reason)]));
        }
    }

    /// Who goes where the assessment asks for two: kind of contact, others who
    /// took part, reason, whether it is taken.
    ///
    /// Seen red: without asking the assessment.
    #[test]
    fn who_goes_alone_against_the_assessment_says_why() {
        for (type_, others, reason, sound) in [
            (Kontakttype::Besok, &[][..], "", false),
            (Kontakttype::Besok, &["r1"], "", false),
            (Kontakttype::Besok, &["r2"], "", true),
            (Kontakttype::Besok, &[], "måtte inn straks", true),
            (Kontakttype::Oppsokende, &[], "", false),
            (Kontakttype::Telefon, &[], "", true),
            (Kontakttype::DropIn, &[], "", true),
        ] {
            let mut request = request(Kontaktutfall::Mott, "");
            request.r#type = type_.into();
            request.ansatte = others.iter().map(|who| (*who).to_owned()).collect();
            request.alene_begrunnelse = reason.into();
            let found = read_with(&request, Bemanning::To);
            assert_eq!(found.is_ok(), sound, "{type_:?} {others:?} {reason}");
            let expired = read_with(&request, Bemanning::ToUtlopt).err();
            let fault = ("alene_begrunnelse".to_owned(), Feilgrunn::FeltMotstrid);
            assert_eq!(expired, (!sound).then(|| vec![fault]));
            if let Ok(registrering) = found {
                let (_, out) = registrer(registrering, P.into(), "k".into(), &[]);
                let told = out
                    .hendelser
                    .iter()
                    .any(|e| e.type_ == "AleneMotRisikotiltak");
                assert_eq!(told, !reason.is_empty());
            }
            if reason.is_empty() {
                assert!(
                    read_with(&request, Bemanning::En).is_ok(),
                    "nobody asks for two"
                );
            }
        }
    }

    fn registered(utfall: Kontaktutfall, day: &str) -> Vec<String> {
        let registrering = read(&request(utfall, day)).ok().unwrap();
        let waiting = ["before".to_owned()];
        let (_, out) = registrer(registrering, P.into(), "k".into(), &waiting);
        out.frister
            .iter()
            .map(|change| match change {
                Fristendring::Sett(deadline) => {
                    assert_eq!(deadline.mottakere, ["rop"]);
                    format!("set {} {}", deadline.warn.unwrap(), deadline.due)
                }
                Fristendring::Slett { post, .. } => format!("clear {post}"),
            })
            .collect()
    }

    #[test]
    fn an_offer_is_repeated_until_the_person_was_met_or_answered_anew() {
        assert_eq!(
            registered(Kontaktutfall::TakketNei, "2027-02-01"),
            [
                "clear before",
                "set 2027-01-31T23:00:00Z 2027-02-01T23:00:00Z"
            ]
        );
        assert_eq!(registered(Kontaktutfall::Mott, ""), ["clear before"]);
        assert_eq!(
            registered(Kontaktutfall::IkkeMott, ""),
            Vec::<String>::new()
        );
    }

    #[test]
    fn three_missed_in_a_row_call_for_outreach() {
        use Utfall::{IkkeMott, Mott, TakketNei};
        for (latest, expected) in [
            (&[IkkeMott, IkkeMott][..], false),
            (&[IkkeMott, IkkeMott, IkkeMott], true),
            (&[IkkeMott, IkkeMott, Mott], false),
            (&[IkkeMott, TakketNei, IkkeMott], false),
            (&[Mott, IkkeMott, IkkeMott], false),
        ] {
            assert_eq!(trenger_oppsok(latest), expected, "{latest:?}");
        }
    }
}
