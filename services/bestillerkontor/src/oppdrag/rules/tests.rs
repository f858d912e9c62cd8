//! What an order may become, cell by cell, and its clocks.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use samspor_chassis::domene::virkning::Fristendring;
use samspor_proto::bestillerkontor::{Avvisningsarsak, Pausearsak};

use super::{super::Rapport, *};
use crate::{
    ENHET,
    proveark::{self, LATER, NOW, who},
    soknad, vedtak,
};

fn offered() -> (Oppdrag, Virkninger) {
    let soknad = proveark::soknad(soknad::Tilstand::Klar);
    let mut vedtak = proveark::utkast(&soknad);
    vedtak.tilstand = vedtak::Tilstand::Fattet;
    vedtak.innhold.linjer[0].fra = Dag::av(NOW);
    let mut out = Virkninger::new();
    let line = &vedtak.innhold.linjer[0];
    let by = who(ENHET, "b1");
    let oppdrag = tilby(&vedtak, line, "rop", "o".into(), &by, NOW, &mut out);
    (oppdrag, out)
}

fn in_state(tilstand: Tilstand) -> Oppdrag {
    let (mut oppdrag, _) = offered();
    oppdrag.tilstand = tilstand;
    if tilstand != Tilstand::Tilbudt {
        oppdrag.innhold.besvart = Some((NOW, who("rop", "r1")));
    }
    if I_GANG.contains(&tilstand) {
        oppdrag.innhold.startet = Some(LATER);
    }
    oppdrag
}

fn a_pause() -> Pause {
    Pause {
        arsak: Pausearsak::Onske,
        begrunnelse: "Vil vente".into(),
        gjenopptas: "2027-02-01".parse().unwrap(),
    }
}

fn an_end() -> Slutt {
    Slutt {
        arsak: Avslutningsarsak::MalNadd,
        begrunnelse: "Klarer seg".into(),
        alternativ: "Kan ta kontakt når som helst".into(),
    }
}

fn a_report(av: Aktor) -> Rapport {
    Rapport {
        fra: Dag::av(LATER),
        til: Dag::av(LATER),
        timer: 2.0,
        merknad: String::new(),
        av,
        tid: LATER,
    }
}

fn a_decline() -> Avvisning {
    Avvisning {
        arsak: Avvisningsarsak::Kapasitet,
        begrunnelse: "Fullt".into(),
    }
}

fn by_unit(name: &str, oppdrag: Oppdrag, unit: &str) -> Result<(Oppdrag, Virkninger), Refusal> {
    let by = who(unit, "r1");
    match name {
        "AksepterOppdrag" => aksepter(oppdrag, by, Mottatt::na(LATER)),
        "AvvisOppdrag" => avvis(oppdrag, a_decline(), by, LATER),
        "StartOppdrag" => start(oppdrag, &by, Mottatt::na(LATER)),
        "PauseOppdrag" => pause(oppdrag, a_pause(), &by, LATER),
        "GjenopptaOppdrag" => gjenoppta(oppdrag, &by, LATER),
        "AvsluttOppdrag" => avslutt(oppdrag, an_end(), by, Mottatt::na(LATER), LATER),
        "RapporterOppdrag" => levering::rapporter(oppdrag, a_report(by)),
        "EvaluerOppdrag" => evaluer(oppdrag, proveark::en_evaluering(by, LATER), LATER),
        "AvsluttOmfordeling" => {
            let mut out = Virkninger::new();
            avslutt_omfordeling(oppdrag, an_end(), Some(by), LATER, &mut out)
                .map(|oppdrag| (oppdrag, out))
        }
        _ => panic!("{name}"),
    }
}

/// Every cell of state × verb: the state after, or `-` for refused. To see
/// it red, move a state in `OVERGANGER`.
#[test]
fn every_cell() {
    proveark::every_cell(
        include_str!("../../../tests/data/oppdrag.csv"),
        Tilstand::ALLE,
        |name, state| {
            by_unit(name, in_state(state), "rop").map(|(oppdrag, _)| oppdrag.tilstand.kode())
        },
        Tilstand::kode,
    );
    assert_eq!(OVERGANGER.0.len(), 9);
}

/// To see it red, drop the check of the unit from `krev`.
#[test]
fn only_the_unit_named_may() {
    let of_orderer = |name: &str| name == "AvsluttOmfordeling";
    for (name, _) in OVERGANGER.0.iter().filter(|(name, _)| !of_orderer(name)) {
        for state in Tilstand::ALLE {
            for unit in ["bom", ENHET, ""] {
                let refusal = by_unit(name, in_state(*state), unit).unwrap_err();
                assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt);
                assert_eq!(refusal.nokler["regel"], "W5");
            }
        }
    }
}

/// I3: the unit answers for the need exactly while it has accepted it.
#[test]
fn the_need_is_with_the_unit_from_acceptance_to_the_end() {
    let (oppdrag, _) = offered();
    assert_eq!(oppdrag.ansvarlig_enhet, ENHET);
    let (declined, _) = by_unit("AvvisOppdrag", oppdrag.clone(), "rop").unwrap();
    assert_eq!(declined.ansvarlig_enhet, ENHET);
    let mut oppdrag = oppdrag;
    for verb in [
        "AksepterOppdrag",
        "StartOppdrag",
        "PauseOppdrag",
        "GjenopptaOppdrag",
    ] {
        oppdrag = by_unit(verb, oppdrag, "rop").unwrap().0;
        assert_eq!(oppdrag.ansvarlig_enhet, "rop", "{verb}");
    }
    let (ended, _) = by_unit("AvsluttOppdrag", oppdrag, "rop").unwrap();
    assert_eq!(ended.ansvarlig_enhet, ENHET);
}

fn clocks(open: &mut Vec<&'static str>, out: &Virkninger) {
    for change in &out.frister {
        match change {
            Fristendring::Sett(deadline) => {
                assert!(deadline.mottakere.contains(&ENHET.to_owned()));
                open.retain(|open| *open != deadline.kind);
                open.push(deadline.kind);
            }
            Fristendring::Slett { kind, .. } => open.retain(|open| open != kind),
        }
    }
}

/// I7: at each step the clocks that run. To see it red, drop a
/// deadline from the step before.
#[test]
fn nothing_waits_without_a_clock() {
    let (oppdrag, out) = offered();
    let mut open = Vec::new();
    clocks(&mut open, &out);
    assert_eq!(open, [FRIST_SVAR]);
    let (_, out) = by_unit("AvvisOppdrag", oppdrag.clone(), "rop").unwrap();
    let mut declined = open.clone();
    clocks(&mut declined, &out);
    assert_eq!(declined, [FRIST_OMFORDELING]);
    let placed = in_state(Tilstand::Avvist);
    let (_, out) = by_unit("AvsluttOmfordeling", placed, ENHET).unwrap();
    clocks(&mut declined, &out);
    assert!(declined.is_empty());

    let mut oppdrag = oppdrag;
    for (verb, expected) in [
        ("AksepterOppdrag", &[FRIST_START][..]),
        ("StartOppdrag", &[FRIST_RAPPORT, FRIST_EVALUERING]),
        ("RapporterOppdrag", &[FRIST_EVALUERING, FRIST_RAPPORT]),
        ("PauseOppdrag", &[FRIST_EVALUERING, FRIST_GJENOPPTA]),
        ("GjenopptaOppdrag", &[FRIST_EVALUERING, FRIST_RAPPORT]),
        ("AvsluttOppdrag", &[]),
    ] {
        let (next, out) = by_unit(verb, oppdrag, "rop").unwrap();
        clocks(&mut open, &out);
        assert_eq!(open, expected, "{verb}");
        assert!(
            out.hendelser[0]
                .mottakere
                .contains(&KOORDINERING.to_owned())
        );
        oppdrag = next;
    }
}

/// Also when the vedtak gives it another first day, before which it does not
/// start.
///
/// Seen red: with the clock of the first day kept in `endre`.
#[test]
fn a_service_starts_within_two_weeks_of_its_first_day() {
    let (offered, _) = offered();
    let (accepted, out) = by_unit("AksepterOppdrag", offered, "rop").unwrap();
    let due = |out: &Virkninger| {
        let mut set = out.frister.iter().filter_map(|change| match change {
            Fristendring::Sett(deadline) => Some(deadline),
            Fristendring::Slett { .. } => None,
        });
        let start = set.find(|deadline| deadline.kind == FRIST_START);
        start.map(|deadline| deadline.due.to_string())
    };
    assert_eq!(due(&out).as_deref(), Some("2027-01-29T23:00:00Z"));
    let soknad = proveark::soknad(soknad::Tilstand::Klar);
    let mut line = proveark::utkast(&soknad).innhold.linjer.remove(0);
    line.fra = "2027-01-20".parse().unwrap();
    let mut out = Virkninger::new();
    let amended = endre(accepted, &line, LATER, &mut out);
    assert_eq!(due(&out).as_deref(), Some("2027-02-03T23:00:00Z"));
    let refusal = by_unit("StartOppdrag", amended.clone(), "rop").unwrap_err();
    assert_eq!(refusal.felt[0].felt, "startet");
    line.maks_timer = 5.0;
    let mut out = Virkninger::new();
    endre(amended, &line, LATER, &mut out);
    assert_eq!(due(&out), None, "it runs on");
}

#[test]
fn an_offer_is_answered_within_three_working_days() {
    // NOW is a Friday: Monday, Tuesday, Wednesday.
    let (oppdrag, out) = offered();
    assert_eq!(
        oppdrag.innhold.svarfrist.to_string(),
        "2027-01-20T23:00:00Z"
    );
    let [Fristendring::Sett(deadline)] = out.frister.as_slice() else {
        panic!("{:?}", out.frister)
    };
    assert_eq!(deadline.due, oppdrag.innhold.svarfrist);
    assert_eq!(deadline.mottakere, ["rop", ENHET]);
}

#[test]
fn relations_begin_with_the_offer_and_the_acceptance_and_end_with_the_end() {
    let ids = |out: &Virkninger, ended: bool| {
        let mut ids: Vec<String> = out
            .fakta
            .iter()
            .filter(|fact| fact.periode.as_ref().unwrap().til.is_some() == ended)
            .map(|fact| fact.id.clone())
            .collect();
        ids.sort();
        ids
    };
    let (oppdrag, out) = offered();
    assert_eq!(ids(&out, false), ["utforer/o"]);
    assert_eq!(out.fakta[0].post, "personer/p/oppdrag/o");
    let (_, out) = by_unit("AvvisOppdrag", oppdrag.clone(), "rop").unwrap();
    assert_eq!(ids(&out, true), ["utforer/o"]);
    let (accepted, out) = by_unit("AksepterOppdrag", oppdrag, "rop").unwrap();
    // Seen red: with delivery as a relation to every record of the person.
    assert_eq!(ids(&out, false), ["sak/o"]);
    // The relation is bestillerkontor's making, not that of who accepts.
    assert!(out.fakta.iter().all(|fact| fact.opprettet_av == "b1"));
    let (_, out) = by_unit("AvsluttOppdrag", accepted, "rop").unwrap();
    assert_eq!(ids(&out, true), ["sak/o", "utforer/o"]);
}

#[test]
fn reasons_are_required() {
    let fields = |read: &dyn Fn(&mut FieldFaults)| {
        let mut faults = FieldFaults::new();
        read(&mut faults);
        let refusal = faults.finish().unwrap_err();
        let fields: Vec<String> = refusal.felt.into_iter().map(|f| f.felt).collect();
        fields.join(" ")
    };
    let found = fields(&|f| drop(les_avvisning(&AvvisOppdragRequest::default(), f)));
    assert_eq!(found, "arsak begrunnelse");
    let found = fields(&|f| drop(les_pause(&PauseOppdragRequest::default(), NOW, f)));
    assert_eq!(found, "arsak begrunnelse gjenopptas");
    let found = fields(&|f| drop(les_slutt(&AvsluttOppdragRequest::default(), f)));
    assert_eq!(found, "arsak begrunnelse alternativ");
    let today = PauseOppdragRequest {
        arsak: Pausearsak::Onske.into(),
        begrunnelse: "x".into(),
        gjenopptas: Dag::av(NOW).to_string(),
        ..Default::default()
    };
    assert_eq!(fields(&|f| drop(les_pause(&today, NOW, f))), "gjenopptas");
    let own = AvsluttOppdragRequest {
        arsak: Avslutningsarsak::Utlopt.into(),
        begrunnelse: "x".into(),
        alternativ: "x".into(),
        ..Default::default()
    };
    assert_eq!(fields(&|f| drop(les_slutt(&own, f))), "arsak");
}
