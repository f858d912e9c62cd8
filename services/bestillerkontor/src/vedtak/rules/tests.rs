//! Every cell of state × verb, and what each verb leaves behind.

use samspor_chassis::domene::virkning::Fristendring;
use samspor_proto::{
    bestillerkontor::Statsforvalterutfall,
    felles::{Faktum, Faktumtype},
};

use super::*;
use crate::{
    ENHET,
    proveark::{self, LATER, NOW, who},
    vedtak::{
        Endring, FRIST_UTLOP, Opphor,
        endring::{Forslag, avvis_endring, endre, foresla_opphor, godkjenn},
        etterlevelse,
        slutt::{Avsluttet, opphor, utlop},
    },
};

fn ingen() -> Nektet {
    Nektet::default()
}

fn draft() -> Vedtak {
    proveark::utkast(&proveark::soknad(soknad::Tilstand::Klar))
}

fn in_state(tilstand: Tilstand) -> Vedtak {
    let mut vedtak = draft();
    vedtak.tilstand = tilstand;
    if tilstand != Tilstand::Utkast && tilstand != Tilstand::TilGodkjenning {
        vedtak.forlop.fattet = Some(Fatting {
            tid: NOW,
            av: who(ENHET, "b1"),
            kartlegging: Some("k".into()),
        });
    }
    vedtak
}

fn decide(vedtak: Vedtak, by: &str) -> Result<Fattet, Refusal> {
    let soknad = proveark::soknad(soknad::Tilstand::Klar);
    let mut n = 0;
    let all = proveark::alle_funksjoner();
    let by = who(ENHET, by);
    fatt(vedtak, soknad, &ingen(), &makt(&all), &by, NOW, || {
        n += 1;
        format!("o{n}")
    })
}

fn makt(funksjoner: &[String]) -> Myndighet<'_> {
    Myndighet {
        funksjoner,
        hovedansvarlig: None,
        siste: true,
        besvart: BTreeSet::new(),
        korte: Vec::new(),
    }
}

fn an_end() -> Opphor {
    Opphor {
        av: who(ENHET, "b1"),
        begrunnelse: "Behovet er falt bort".into(),
        hjemmel: samspor_chassis::domene::Hjemmel::default(),
        alternativ: "Ingen, personen klarer seg selv".into(),
        varsel: "brev".into(),
    }
}

fn end(mut vedtak: Vedtak, orders: Vec<Oppdrag>, now: Tid) -> Result<Avsluttet, Refusal> {
    vedtak = with_change(vedtak);
    vedtak.forlop.endring.as_mut().unwrap().opphor = Some(an_end());
    let all = proveark::alle_funksjoner();
    let by = who(ENHET, "b1");
    opphor(vedtak, orders, "brev".into(), &makt(&all), &by, now)
}

fn a_delay() -> Utsettelse {
    Utsettelse {
        til: "2027-02-01".parse().unwrap(),
        begrunnelse: "Innlagt".into(),
    }
}

fn propose(
    vedtak: Vedtak,
    change: impl FnOnce(&mut Innhold),
) -> Result<(Vedtak, Virkninger), Refusal> {
    let mut innhold = vedtak.innhold.clone();
    change(&mut innhold);
    let forslag = Forslag {
        innhold,
        begrunnelse: "Nytt behov".into(),
        slutt: Vec::new(),
        av: who(ENHET, "a3"),
    };
    endre(vedtak, forslag, &ingen(), Klasser::alle(), NOW)
}

fn with_change(mut vedtak: Vedtak) -> Vedtak {
    vedtak.forlop.endring = Some(Endring {
        innhold: vedtak.innhold.clone(),
        begrunnelse: "Nytt behov".into(),
        forfatter: who(ENHET, "a3"),
        tid: NOW,
        slutt: Vec::new(),
        klage: None,
        opphor: None,
    });
    vedtak
}

fn verb(name: &str, vedtak: Vedtak) -> Result<Tilstand, Refusal> {
    let by = who(ENHET, "b1");
    match name {
        "OppdaterVedtak" => {
            let innhold = vedtak.innhold.clone();
            oppdater(vedtak, innhold, Klasser::alle(), by).map(|v| v.tilstand)
        }
        "SendTilGodkjenning" => send(vedtak, None, &ingen(), by, NOW).map(|(v, _)| v.tilstand),
        "ReturnerVedtak" => returner(vedtak, "Mangler".into(), NOW).map(|(v, _)| v.tilstand),
        "FattVedtak" => decide(vedtak, "b1").map(|f| f.vedtak.tilstand),
        "UnderrettVedtak" => {
            underrett(vedtak, "brev".into(), Mottatt::na(NOW)).map(|(v, _)| v.tilstand)
        }
        "ForkastVedtak" => forkast(vedtak, "Feil søknad".into(), NOW).map(|(v, _)| v.tilstand),
        "ForeslaOpphor" => foresla_opphor(vedtak, an_end(), NOW).map(|(v, _)| v.tilstand),
        "OpphorVedtak" => end(vedtak, vec![], NOW).map(|a| a.vedtak.tilstand),
        "UtsettUnderretning" => utsett(vedtak, a_delay()).map(|(v, _)| v.tilstand),
        "EndreVedtak" => propose(vedtak, |_| ()).map(|(v, _)| v.tilstand),
        "GodkjennEndring" => {
            let vedtak = with_change(vedtak);
            let all = proveark::alle_funksjoner();
            godkjenn(vedtak, vec![], &ingen(), &makt(&all), &by, NOW, String::new)
                .map(|changed| changed.vedtak.tilstand)
        }
        "AvvisEndring" => avvis_endring(with_change(vedtak), "Nei".into()).map(|(v, _)| v.tilstand),
        "RegistrerEvaluering" => {
            evaluer(vedtak, proveark::en_evaluering(by, NOW), NOW).map(|(v, _)| v.tilstand)
        }
        "MeldEtterlevelse" => {
            let mut vedtak = vedtak;
            vedtak.forlop.klageutfall.push(Klageutfall {
                klage: "k".into(),
                tilstand: crate::klage::Tilstand::Avgjort,
                avgjorelse: Statsforvalterutfall::Endret,
                tid: NOW,
                versjon: vedtak.forlop.innholdsversjon,
                etterlevd: None,
            });
            let mut other = in_state(Tilstand::Fattet);
            other.id = "w".into();
            let all = proveark::alle_funksjoner();
            let by = who(ENHET, "b2");
            etterlevelse::meld(
                vedtak,
                &other,
                "Gir det samme".into(),
                &makt(&all),
                &by,
                NOW,
            )
            .map(|(v, _)| v.tilstand)
        }
        _ => panic!("{name}"),
    }
}

/// Every cell of state × verb: the state after, or `-` for refused. To see
/// it red, move a state in `OVERGANGER`.
#[test]
fn every_cell() {
    proveark::every_cell(
        include_str!("../../../tests/data/vedtak.csv"),
        Tilstand::ALLE,
        |name, state| verb(name, in_state(state)).map(Tilstand::kode),
        Tilstand::kode,
    );
    assert_eq!(OVERGANGER.0.len(), 14);
}

#[test]
fn an_author_does_not_decide() {
    let (sent, _) = send(draft(), None, &ingen(), who(ENHET, "a2"), NOW).unwrap();
    // a1 drafted, a2 sent, and a system is nobody.
    for by in ["a1", "a2", ""] {
        let refusal = decide(sent.clone(), by).unwrap_err();
        assert_eq!(refusal.grunn, Feilgrunn::IkkeTillatt, "{by}");
        assert_eq!(refusal.nokler["regel"], "W4");
    }
    assert!(decide(sent, "b1").is_ok());
}

#[test]
fn what_is_not_complete_is_neither_sent_nor_decided() {
    for change in [
        (|v| v.innhold.hjemmel = None) as fn(&mut Vedtak),
        |v| v.innhold.begrunnelse.clear(),
        |v| v.innhold.hovedansvarlig.clear(),
    ] {
        let mut vedtak = draft();
        change(&mut vedtak);
        let refusal = send(vedtak.clone(), None, &ingen(), who(ENHET, "a1"), NOW).unwrap_err();
        assert_eq!(refusal.grunn, Feilgrunn::UgyldigForesporsel);
        vedtak.tilstand = Tilstand::TilGodkjenning;
        let refusal = decide(vedtak, "b1").unwrap_err();
        assert_eq!(refusal.grunn, Feilgrunn::UgyldigForesporsel);
    }
}

#[test]
fn a_withdrawn_application_is_not_decided() {
    let soknad = proveark::soknad(soknad::Tilstand::Trukket);
    let vedtak = in_state(Tilstand::TilGodkjenning);
    let all = proveark::alle_funksjoner();
    let by = who(ENHET, "b1");
    let none = ingen();
    let decided = fatt(vedtak, soknad, &none, &makt(&all), &by, NOW, String::new);
    let refusal = decided.unwrap_err();
    assert_eq!(refusal.nokler["tilstand"], "TRUKKET");
}

#[test]
fn a_decision_orders_each_line_from_each_unit_and_says_who_takes_part() {
    let decided = decide(in_state(Tilstand::TilGodkjenning), "b1").unwrap();
    assert_eq!(decided.soknad.tilstand, soknad::Tilstand::Vedtatt);
    let orders: Vec<_> = decided
        .oppdrag
        .iter()
        .map(|o| {
            (
                o.linje_id.as_str(),
                o.enhet.as_str(),
                o.ansvarlig_enhet.as_str(),
            )
        })
        .collect();
    assert_eq!(orders, [("1", "rop", ENHET), ("2", "bom", ENHET)]);

    let mut facts: Vec<_> = decided
        .virkninger
        .fakta
        .iter()
        .filter(|fact| fact.periode.as_ref().unwrap().til.is_none())
        .map(|fact| fact.id.as_str())
        .collect();
    facts.sort_unstable();
    assert_eq!(
        facts,
        [
            "boligforvalter/v",
            "hovedansvarlig/v/rop",
            "part/v/boligkontor",
            "part/v/bom",
            "part/v/nav",
            "part/v/rop",
            "sak/v",
            "sak/v/post",
            "tildeling/v/boligkontor",
            "utforer/o1",
            "utforer/o2",
            "utforer/v/bom",
            "utforer/v/rop",
            "utforer_kartlegging/v/bom",
            "utforer_kartlegging/v/rop",
        ]
    );
    let offered = decided
        .virkninger
        .hendelser
        .iter()
        .filter(|event| event.type_ == "OppdragTilbudt")
        .map(|event| event.mottakere.join(" "))
        .collect::<Vec<_>>();
    assert_eq!(
        offered,
        [
            "rop bestillerkontor koordinering",
            "bom bestillerkontor koordinering"
        ]
    );
}

/// P3: whoever delivers reads the mapping, and a mere party does not.
///
/// Seen red: with UTFORER for the vedtak alone.
#[test]
fn those_who_deliver_read_the_mapping_that_it_stands_on() {
    let decided = decide(in_state(Tilstand::TilGodkjenning), "b1").unwrap();
    let mapping = "personer/p/kartlegginger/k";
    assert_eq!(decided.vedtak.to_proto().kartlegging, mapping);
    let readers = |facts: &[Faktum]| {
        let mut readers: Vec<_> = facts
            .iter()
            .filter(|fact| fact.post == mapping)
            .map(|fact| (fact.id.clone(), fact.r#type()))
            .collect();
        readers.sort_unstable();
        readers
    };
    let expected = [
        ("utforer_kartlegging/v/bom".to_owned(), Faktumtype::Utforer),
        ("utforer_kartlegging/v/rop".to_owned(), Faktumtype::Utforer),
    ];
    assert_eq!(readers(&decided.virkninger.fakta), expected);
    // It ends for a unit that has nothing left to deliver.
    let left = decided.vedtak.slipp("bom", LATER);
    assert_eq!(readers(&left), expected[..1]);
}

#[test]
fn a_vedtak_with_a_last_day_has_its_clock() {
    let mut vedtak = in_state(Tilstand::TilGodkjenning);
    vedtak.innhold.bolig = None;
    for line in &mut vedtak.innhold.linjer {
        line.til = "2027-06-30".parse().ok();
    }
    let decided = decide(vedtak, "b1").unwrap();
    let clock = decided
        .virkninger
        .frister
        .iter()
        .find_map(|change| match change {
            Fristendring::Sett(deadline) if deadline.kind == FRIST_UTLOP => Some(deadline),
            _ => None,
        })
        .unwrap();
    assert_eq!(clock.due.to_string(), "2027-06-30T22:00:00Z");
    assert_eq!(clock.warn.unwrap().to_string(), "2027-06-02T22:00:00Z");
}

#[test]
fn a_service_may_start_before_the_person_is_told() {
    let (started, _) = iverksett(in_state(Tilstand::Fattet), NOW).unwrap();
    assert_eq!(started.tilstand, Tilstand::Fattet);
    assert!(iverksett(started.clone(), LATER).is_none());
    let (told, _) = underrett(started, "brev".into(), Mottatt::na(LATER)).unwrap();
    assert_eq!(told.tilstand, Tilstand::Iverksatt);

    let (told, _) = underrett(in_state(Tilstand::Fattet), "brev".into(), Mottatt::na(NOW)).unwrap();
    assert_eq!(told.tilstand, Tilstand::Underrettet);
    let notice = told.forlop.underretning.clone().unwrap();
    assert_eq!(notice.klagefrist.to_string(), "2027-02-05");
    let (started, _) = iverksett(told, NOW).unwrap();
    assert_eq!(started.tilstand, Tilstand::Iverksatt);
}

#[test]
fn the_end_of_a_vedtak_ends_its_orders_and_relations() {
    let decided = decide(in_state(Tilstand::TilGodkjenning), "b1").unwrap();
    let ended = end(decided.vedtak, decided.oppdrag, LATER).unwrap();
    for order in &ended.oppdrag {
        assert_eq!(order.tilstand, oppdrag::Tilstand::Avsluttet);
        assert_eq!(order.ansvarlig_enhet, ENHET);
    }
    // Whatever began by the decision ends.
    let mut began: Vec<_> = decided.virkninger.fakta.into_iter().collect();
    began.retain(|fact| fact.periode.as_ref().unwrap().til.is_none());
    for fact in began {
        let end = ended
            .virkninger
            .fakta
            .iter()
            .find(|end| end.id == fact.id)
            .unwrap_or_else(|| panic!("{} does not end", fact.id));
        // The case is kept until the time for klage is out.
        let told = ended.vedtak.forlop.underretning.as_ref().unwrap();
        let until = if fact.id.starts_with("sak/v") {
            told.klagefrist.slutt()
        } else {
            LATER
        };
        assert_eq!(end.periode.as_ref().unwrap().til, Some(until.into()));
        assert_eq!(end.periode.as_ref().unwrap().fra, fact.periode.unwrap().fra);
        assert_ne!(end.r#type(), Faktumtype::Unspecified);
    }
}

#[test]
fn it_runs_out_only_after_its_last_day() {
    let mut vedtak = in_state(Tilstand::Iverksatt);
    assert!(utlop(vedtak.clone(), vec![], LATER).is_none());
    vedtak.innhold.bolig = None;
    for line in &mut vedtak.innhold.linjer {
        line.til = "2027-06-30".parse().ok();
    }
    let last: Dag = "2027-06-30".parse().unwrap();
    assert!(utlop(vedtak.clone(), vec![], Tid(last.slutt().0 - 1)).is_none());
    let ended = utlop(vedtak.clone(), vec![], last.slutt()).unwrap();
    assert_eq!(ended.vedtak.tilstand, Tilstand::Utlopt);
    vedtak.tilstand = Tilstand::Opphort;
    assert!(utlop(vedtak, vec![], last.slutt()).is_none());
}
