//! What may happen to an avvik. Pure: the avvik, who acts and the time in; the
//! changed avvik, or a refusal.

use samspor_chassis::{
    domene::{Aktor, Dag, Overganger, kalender, navn},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    avvik::{Alvorlighet, Meldervurdering},
    felles::Feilgrunn,
};

use super::{
    Arsak, Avslutning, Avvik, Del, Deltilstand, Pause, Tilbakemelding, Tilbakemeldingssvar,
    Tilstand, Tiltak, Tiltakstilstand, Vurdering,
};
use crate::{dialog::Melding, innstillinger::Innstillinger};

/// Parts, causes and measures that an avvik has at most.
const MANGE: usize = 50;

/// Verbs in each state.
pub(crate) const OVERGANGER: Overganger<Tilstand> = {
    use Tilstand::{Lukket, Meldt, PaVent, UnderBehandling};
    Overganger(&[
        ("ForeslaDel", &[Meldt, UnderBehandling]),
        ("AksepterDel", &[Meldt, UnderBehandling]),
        ("ReturnerDel", &[Meldt, UnderBehandling]),
        ("VurderAlvorlighet", &[Meldt, UnderBehandling]),
        ("RegistrerArsak", &[UnderBehandling]),
        ("RegistrerTiltak", &[UnderBehandling]),
        ("MeldTiltakUtfort", &[UnderBehandling]),
        ("RegistrerEffektkontroll", &[UnderBehandling]),
        ("FerdigstillDel", &[UnderBehandling]),
        ("GiTilbakemelding", &[UnderBehandling, PaVent]),
        ("BesvarTilbakemelding", &[UnderBehandling, PaVent]),
        ("SporMelder", &[UnderBehandling, PaVent]),
        ("SettAvvikPaVent", &[UnderBehandling]),
        ("GjenopptaAvvik", &[PaVent]),
        ("MerkDuplikat", &[Meldt, UnderBehandling]),
        ("LukkAvvik", &[UnderBehandling]),
        ("GjenapneAvvik", &[Lukket]),
    ])
};

/// Verbs in each state of the calling unit's part.
pub(crate) const DELOVERGANGER: Overganger<Deltilstand> = {
    use Deltilstand::{Akseptert, Foreslatt};
    Overganger(&[
        ("AksepterDel", &[Foreslatt]),
        ("ReturnerDel", &[Foreslatt, Akseptert]),
        ("RegistrerArsak", &[Akseptert]),
        ("RegistrerTiltak", &[Akseptert]),
        ("RegistrerEffektkontroll", &[Akseptert]),
        ("FerdigstillDel", &[Akseptert]),
    ])
};

/// Verbs in each state of a measure.
pub(crate) const TILTAKSOVERGANGER: Overganger<Tiltakstilstand> = {
    use Tiltakstilstand::{Planlagt, Utfort, VirketIkke};
    Overganger(&[
        ("MeldTiltakUtfort", &[Planlagt]),
        ("RegistrerEffektkontroll", &[Utfort]),
        ("RegistrerTiltak", &[VirketIkke]),
    ])
};

/// What a unit is to an avvik.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Reported it.
    Melder,
    /// Answers for it.
    Ansvarlig,
    /// Has taken a part.
    Del,
    /// Is proposed a part.
    Foreslatt,
    /// Reported the same, and follows this.
    Folger,
}

/// Which party may do what.
const HVEM: &[(&str, &[Part])] = &[
    ("ForeslaDel", &[Part::Ansvarlig]),
    ("AksepterDel", &[Part::Foreslatt]),
    ("ReturnerDel", &[Part::Foreslatt, Part::Del]),
    ("VurderAlvorlighet", &[Part::Ansvarlig]),
    ("RegistrerArsak", &[Part::Del]),
    ("RegistrerTiltak", &[Part::Del]),
    ("MeldTiltakUtfort", &[Part::Del]),
    ("RegistrerEffektkontroll", &[Part::Del]),
    ("FerdigstillDel", &[Part::Del]),
    ("GiTilbakemelding", &[Part::Ansvarlig, Part::Del]),
    ("BesvarTilbakemelding", &[Part::Melder, Part::Folger]),
    ("SporMelder", &[Part::Del]),
    ("SettAvvikPaVent", &[Part::Ansvarlig]),
    ("GjenopptaAvvik", &[Part::Ansvarlig]),
    ("MerkDuplikat", &[Part::Ansvarlig]),
    ("LukkAvvik", &[Part::Ansvarlig]),
    ("GjenapneAvvik", &[Part::Ansvarlig, Part::Melder]),
];

/// What a unit is to it; nothing: it is no party.
pub(crate) fn part(avvik: &Avvik, enhet: &str) -> Vec<Part> {
    let own = avvik.del_hos(enhet);
    let mut kinds = Vec::new();
    let mut add = |kind, holds: bool| {
        if holds {
            kinds.push(kind);
        }
    };
    add(Part::Melder, avvik.melder_enhet == enhet);
    add(Part::Ansvarlig, avvik.ansvarlig() == enhet);
    add(Part::Del, own.is_some_and(Del::tatt));
    add(
        Part::Foreslatt,
        own.is_some_and(|part| part.tilstand == Deltilstand::Foreslatt),
    );
    add(Part::Folger, avvik.innhold.folgere.contains_key(enhet));
    kinds
}

/// The unit may do it, in this state.
///
/// # Errors
/// `IKKE_FUNNET` to one that is no party, `IKKE_TILLATT` to another party,
/// `UGYLDIG_OVERGANG` in another state.
pub(crate) fn krev(avvik: &Avvik, verb: &str, av: &Aktor) -> Result<(), Refusal> {
    let kinds = part(avvik, &av.enhet);
    if kinds.is_empty() {
        return Err(Refusal::not_found());
    }
    let allowed = HVEM.iter().find(|(name, _)| *name == verb);
    if !allowed.is_some_and(|(_, who)| who.iter().any(|kind| kinds.contains(kind))) {
        let rule = if verb == "LukkAvvik" { "W8" } else { "W5" };
        let row = "Bare enheten som svarer for avviket eller delen, gjør dette med det.";
        return Err(ikke_tillatt(rule, row));
    }
    OVERGANGER.krev(verb, avvik.tilstand, avvik.tilstand.kode())
}

fn ikke_tillatt(rule: &str, row: &str) -> Refusal {
    Refusal::new(Feilgrunn::IkkeTillatt)
        .with("regel", rule)
        .with("rad", row)
}

fn ikke_ferdig(lacks: &[String]) -> Refusal {
    Refusal::new(Feilgrunn::AvvikIkkeFerdig).with("mangler", lacks.join("; "))
}

/// The calling unit's own part, in a state in which it may do this.
fn egen_del<'a>(avvik: &'a mut Avvik, verb: &str, av: &Aktor) -> Result<&'a mut Del, Refusal> {
    krev(avvik, verb, av)?;
    let own = |part: &&mut Del| part.gjelder() && part.enhet == av.enhet;
    let part = avvik.innhold.deler.iter_mut().filter(own).last();
    let part = part.ok_or_else(Refusal::not_found)?;
    DELOVERGANGER.krev(verb, part.tilstand, part.tilstand.kode())?;
    Ok(part)
}

pub(crate) fn plass_til(count: usize, hva: &str) -> Result<(), Refusal> {
    if count < MANGE {
        return Ok(());
    }
    Err(Refusal::conflict(format_args!("{MANGE} {hva} i avviket")))
}

/// A part that is proposed to a unit.
pub(crate) fn ny_del(enhet: String, hva: String, now: Tid, satt: &Innstillinger) -> Del {
    Del {
        enhet,
        tilstand: Deltilstand::Foreslatt,
        hva,
        foreslatt: now,
        kvitteringsfrist: kalender::arbeidsdager_etter(now, satt.kvittering_arbeidsdager),
        kvittering_brutt: false,
        besvart: None,
        begrunnelse: String::new(),
        arsaker: Vec::new(),
        tiltak: Vec::new(),
        ferdig: None,
        konklusjon: String::new(),
    }
}

/// Proposes a part. One that is done can be proposed again; what came of it
/// stays.
pub(crate) fn foresla(mut avvik: Avvik, av: &Aktor, del: Del) -> Result<Avvik, Refusal> {
    krev(&avvik, "ForeslaDel", av)?;
    plass_til(avvik.innhold.deler.len(), "deler")?;
    if avvik.del_hos(&del.enhet).is_some_and(Del::apen) {
        return Err(Refusal::conflict("en del hos enheten som ikke er ferdig"));
    }
    avvik.innhold.deler.push(del);
    avvik.tilbakemeldt = None;
    Ok(avvik)
}

/// Takes the proposed part.
pub(crate) fn aksepter(mut avvik: Avvik, av: &Aktor, now: Tid) -> Result<Avvik, Refusal> {
    let part = egen_del(&mut avvik, "AksepterDel", av)?;
    part.tilstand = Deltilstand::Akseptert;
    part.besvart = Some(now);
    avvik.tilstand = Tilstand::UnderBehandling;
    Ok(avvik)
}

/// Gives the part back; not one with measures that somebody waits for.
pub(crate) fn returner(
    mut avvik: Avvik,
    av: &Aktor,
    begrunnelse: String,
    now: Tid,
) -> Result<Avvik, Refusal> {
    let part = egen_del(&mut avvik, "ReturnerDel", av)?;
    if !part.tiltak.is_empty() {
        return Err(Refusal::conflict("tiltak i delen; ferdigstill den"));
    }
    part.tilstand = Deltilstand::Returnert;
    part.besvart = Some(now);
    part.begrunnelse = begrunnelse;
    if !avvik.deler().any(Del::tatt) {
        avvik.tilstand = Tilstand::Meldt;
    }
    Ok(avvik)
}

/// The severity as the responsible unit sees it.
pub(crate) fn vurder(
    mut avvik: Avvik,
    av: &Aktor,
    alvorlighet: Alvorlighet,
    begrunnelse: String,
) -> Result<Avvik, Refusal> {
    krev(&avvik, "VurderAlvorlighet", av)?;
    avvik.innhold.vurdert = Some(Vurdering {
        alvorlighet,
        begrunnelse,
    });
    Ok(avvik)
}

/// A cause.
pub(crate) fn arsak(mut avvik: Avvik, av: &Aktor, arsak: Arsak) -> Result<Avvik, Refusal> {
    let part = egen_del(&mut avvik, "RegistrerArsak", av)?;
    plass_til(part.arsaker.len(), "årsaker")?;
    part.arsaker.push(arsak);
    Ok(avvik)
}

/// A measure; its number is given here.
pub(crate) fn tiltak(mut avvik: Avvik, av: &Aktor, mut tiltak: Tiltak) -> Result<Avvik, Refusal> {
    krev(&avvik, "RegistrerTiltak", av)?;
    let numbers = avvik.innhold.deler.iter().flat_map(|part| &part.tiltak);
    tiltak.nr = 1 + numbers.map(|one| one.nr).max().unwrap_or_default();
    if !avvik.del_hos(&tiltak.enhet).is_some_and(Del::tatt) {
        let mut faults = FieldFaults::new();
        faults.form("enhet", "en enhet som har tatt en del; foreslå en først");
        faults.finish()?;
    }
    let part = egen_del(&mut avvik, "RegistrerTiltak", av)?;
    plass_til(part.tiltak.len(), "tiltak")?;
    if tiltak.erstatter != 0 {
        let earlier = part
            .tiltak
            .iter_mut()
            .find(|one| one.nr == tiltak.erstatter);
        let earlier = earlier.ok_or_else(|| ukjent_tiltak("erstatter"))?;
        let state = earlier.tilstand;
        TILTAKSOVERGANGER.krev("RegistrerTiltak", state, state.kode())?;
        earlier.tilstand = Tiltakstilstand::Erstattet;
    }
    part.tiltak.push(tiltak);
    Ok(avvik)
}

fn ukjent_tiltak(field: &'static str) -> Refusal {
    ugyldig(field, "nummeret til et tiltak i enhetens del")
}

fn ugyldig(field: &'static str, form: &str) -> Refusal {
    let mut faults = FieldFaults::new();
    faults.form(field, form);
    faults.finish().err().unwrap_or_else(Refusal::not_found)
}

/// The unit of a measure has carried it out.
pub(crate) fn utfort(mut avvik: Avvik, av: &Aktor, nr: i32, now: Tid) -> Result<Avvik, Refusal> {
    krev(&avvik, "MeldTiltakUtfort", av)?;
    let parts = avvik.innhold.deler.iter_mut().filter(|part| part.gjelder());
    let mut measures = parts.flat_map(|part| &mut part.tiltak);
    let measure = measures
        .find(|one| one.nr == nr)
        .ok_or_else(|| ukjent_tiltak("tiltak"))?;
    if measure.enhet != av.enhet {
        return Err(ikke_tillatt(
            "W5",
            "Bare enheten som har tiltaket, melder det utført.",
        ));
    }
    let state = measure.tilstand;
    TILTAKSOVERGANGER.krev("MeldTiltakUtfort", state, state.kode())?;
    measure.tilstand = Tiltakstilstand::Utfort;
    measure.utfort = Some((now, av.clone()));
    Ok(avvik)
}

/// Whether a measure had its effect.
pub(crate) fn effekt(
    mut avvik: Avvik,
    av: &Aktor,
    (nr, virket): (i32, bool),
    begrunnelse: String,
    now: Tid,
) -> Result<Avvik, Refusal> {
    let part = egen_del(&mut avvik, "RegistrerEffektkontroll", av)?;
    let measure = part.tiltak.iter_mut().find(|one| one.nr == nr);
    let measure = measure.ok_or_else(|| ukjent_tiltak("tiltak"))?;
    let state = measure.tilstand;
    TILTAKSOVERGANGER.krev("RegistrerEffektkontroll", state, state.kode())?;
    measure.tilstand = if virket {
        Tiltakstilstand::Virket
    } else {
        Tiltakstilstand::VirketIkke
    };
    measure.kontrollert = Some(now);
    measure.effekt = begrunnelse;
    Ok(avvik)
}

/// The part is done; feedback that was given before does not count any more.
pub(crate) fn ferdigstill(
    mut avvik: Avvik,
    av: &Aktor,
    konklusjon: String,
    now: Tid,
) -> Result<Avvik, Refusal> {
    let part = egen_del(&mut avvik, "FerdigstillDel", av)?;
    let mut lacks = Vec::new();
    if part.arsaker.is_empty() {
        lacks.push("en årsak".to_owned());
    }
    lacks.extend(part.tiltak.iter().filter_map(mangler_effekt));
    if !lacks.is_empty() {
        return Err(ikke_ferdig(&lacks));
    }
    part.tilstand = Deltilstand::Ferdig;
    part.ferdig = Some(now);
    part.konklusjon = konklusjon;
    avvik.tilbakemeldt = None;
    Ok(avvik)
}

fn mangler_effekt(measure: &Tiltak) -> Option<String> {
    let nr = measure.nr;
    let lack = match measure.tilstand {
        Tiltakstilstand::Planlagt | Tiltakstilstand::Utfort => {
            format!("effektkontroll av tiltak {nr}")
        }
        Tiltakstilstand::VirketIkke => format!("et nytt tiltak i stedet for tiltak {nr}"),
        Tiltakstilstand::Virket | Tiltakstilstand::Erstattet => return None,
    };
    Some(lack)
}

/// Feedback to the reporter.
pub(crate) fn tilbakemeld(
    mut avvik: Avvik,
    av: &Aktor,
    tekst: String,
    now: Tid,
) -> Result<Avvik, Refusal> {
    krev(&avvik, "GiTilbakemelding", av)?;
    plass_til(avvik.innhold.tilbakemeldinger.len(), "tilbakemeldinger")?;
    avvik.innhold.tilbakemeldinger.push(Tilbakemelding {
        enhet: av.enhet.clone(),
        tid: now,
        tekst,
        svar: Vec::new(),
    });
    avvik.tilbakemeldt = Some(now);
    avvik.innhold.innvending = false;
    Ok(avvik)
}

/// A unit that reported it answers the last feedback. One that it does not agree
/// with does not count any more.
pub(crate) fn besvar(
    mut avvik: Avvik,
    av: &Aktor,
    svar: Tilbakemeldingssvar,
) -> Result<Avvik, Refusal> {
    krev(&avvik, "BesvarTilbakemelding", av)?;
    if avvik.anonymt_fra(&av.enhet) {
        return Err(ikke_tillatt(
            "W5",
            "Avviket er meldt anonymt fra enheten. Den som meldte, svarer med koden (SvarMedKode).",
        ));
    }
    let disagrees = svar.vurdering == Meldervurdering::Uenig;
    let last = siste_tilbakemelding(&mut avvik)?;
    plass_til(last.svar.len(), "svar på en tilbakemelding")?;
    last.svar.push(svar);
    Ok(if disagrees { innvendt(avvik) } else { avvik })
}

/// The feedback that is answered.
///
/// # Errors
/// A fault of the answer where there is none.
pub(crate) fn siste_tilbakemelding(avvik: &mut Avvik) -> Result<&mut Tilbakemelding, Refusal> {
    let last = avvik.innhold.tilbakemeldinger.last_mut();
    last.ok_or_else(uten_tilbakemelding)
}

pub(crate) fn uten_tilbakemelding() -> Refusal {
    let form = "et svar på en tilbakemelding; avviket har ingen ennå";
    ugyldig("vurdering", form)
}

/// A reporter does not agree with the feedback; of what has ended nothing is due.
pub(crate) fn innvendt(mut avvik: Avvik) -> Avvik {
    if avvik.apent() {
        avvik.tilbakemeldt = None;
        avvik.innhold.innvending = true;
    }
    avvik
}

/// Asks whoever reported it and is not known.
pub(crate) fn spor(mut avvik: Avvik, av: &Aktor, asked: Melding) -> Result<Avvik, Refusal> {
    krev(&avvik, "SporMelder", av)?;
    if !avvik.innhold.sak.anonym {
        return Err(ikke_tillatt(
            "W5",
            "Avviket er meldt med navn. Spør enheten som meldte det.",
        ));
    }
    if avvik.anonymt_fra(&av.enhet) {
        return Err(ikke_tillatt(
            "W5",
            "Enheten som meldte, spør ikke: der kan melderen kjennes igjen. Foreslå en del til en annen enhet.",
        ));
    }
    let asked_before = avvik.innhold.dialog.iter().filter(|one| !one.fra_melder());
    plass_til(asked_before.count(), "spørsmål")?;
    avvik.innhold.dialog.push(asked);
    Ok(avvik)
}

/// Whoever reported it and is not known said something; also when it has ended.
pub(crate) fn sagt(mut avvik: Avvik, said: Melding) -> Avvik {
    let disagrees = said.vurdering() == Meldervurdering::Uenig;
    avvik.innhold.dialog.push(said);
    if disagrees { innvendt(avvik) } else { avvik }
}

/// Pauses it until a day.
pub(crate) fn pause(
    mut avvik: Avvik,
    av: &Aktor,
    til: Dag,
    begrunnelse: String,
) -> Result<Avvik, Refusal> {
    krev(&avvik, "SettAvvikPaVent", av)?;
    avvik.tilstand = Tilstand::PaVent;
    avvik.innhold.pause = Some(Pause {
        til,
        begrunnelse,
        varslet: false,
    });
    Ok(avvik)
}

/// Ends the pause.
pub(crate) fn gjenoppta(mut avvik: Avvik, av: &Aktor) -> Result<Avvik, Refusal> {
    krev(&avvik, "GjenopptaAvvik", av)?;
    avvik.tilstand = Tilstand::UnderBehandling;
    avvik.innhold.pause = None;
    Ok(avvik)
}

/// It is the same as another, whose steps its reporters follow from now on.
pub(crate) fn duplikat(
    mut avvik: Avvik,
    mut annet: Avvik,
    av: &Aktor,
    now: Tid,
) -> Result<(Avvik, Avvik), Refusal> {
    krev(&avvik, "MerkDuplikat", av)?;
    let mut faults = FieldFaults::new();
    let follows = !part(&annet, &av.enhet).is_empty();
    if !follows || annet.id == avvik.id || annet.tilstand == Tilstand::Duplikat {
        faults.form(
            "av",
            "et annet avvik som enheten er part i, og som ikke er et duplikat",
        );
    }
    faults.finish()?;
    let reporters = avvik.meldere().into_iter().map(ToOwned::to_owned);
    let own = annet.melder_enhet.clone();
    let new: Vec<String> = reporters.filter(|unit| *unit != own).collect();
    for unit in new {
        annet.innhold.folgere.entry(unit).or_insert(now);
    }
    avvik.tilstand = Tilstand::Duplikat;
    avvik.innhold.duplikat_av.clone_from(&annet.id);
    avvik.innhold.avsluttet = Some(Avslutning {
        tid: now,
        av: av.clone(),
        konklusjon: String::new(),
    });
    Ok((avvik, annet))
}

/// What it lacks before it can be closed (I6).
pub(crate) fn mangler(avvik: &Avvik) -> Vec<String> {
    let mut lacks = Vec::new();
    if !avvik.deler().any(Del::tatt) {
        lacks.push("en enhet som tar en del".to_owned());
    }
    for part in avvik.deler().filter(|part| part.apen()) {
        lacks.push(format!("ferdig del hos {}", navn::enhet(&part.enhet)));
    }
    lacks.extend(avvik.tiltak().filter_map(mangler_effekt));
    if avvik.tilbakemeldt.is_none() {
        let unit = navn::enhet(&avvik.melder_enhet);
        let after = match avvik.innhold.innvending {
            true => "innvendingen mot den forrige",
            false => "siste ferdige del",
        };
        lacks.push(format!("tilbakemelding til {unit} etter {after}"));
    }
    lacks
}

/// Closes it: nothing lacks, and another closes it than who reported it and who
/// carried its measures out.
pub(crate) fn lukk(
    mut avvik: Avvik,
    av: &Aktor,
    melder: &Aktor,
    konklusjon: String,
    now: Tid,
) -> Result<Avvik, Refusal> {
    krev(&avvik, "LukkAvvik", av)?;
    let lacks = mangler(&avvik);
    if !lacks.is_empty() {
        return Err(ikke_ferdig(&lacks));
    }
    let done_by = avvik.tiltak().filter_map(|measure| measure.utfort.as_ref());
    let mut involved = done_by.map(|(_, who)| who).chain([melder]);
    let own = involved.any(|who| who.er_samme_ansatte(av));
    drop(involved);
    if own {
        return Err(ikke_tillatt(
            "W8",
            "Avviket lukkes av en annen enn den som meldte det eller utførte tiltak.",
        ));
    }
    if avvik.anonymt_fra(&av.enhet) {
        return Err(ikke_tillatt(
            "W8",
            "Avviket er meldt anonymt fra enheten. Foreslå en del til en annen enhet; når den har tatt den, lukker den.",
        ));
    }
    avvik.tilstand = Tilstand::Lukket;
    avvik.innhold.avsluttet = Some(Avslutning {
        tid: now,
        av: av.clone(),
        konklusjon,
    });
    Ok(avvik)
}

/// Opens it again: the responsible unit's part goes on, and feedback is due anew.
pub(crate) fn gjenapne(
    mut avvik: Avvik,
    av: &Aktor,
    begrunnelse: String,
) -> Result<Avvik, Refusal> {
    krev(&avvik, "GjenapneAvvik", av)?;
    let responsible = avvik.ansvarlig().to_owned();
    let mut parts = avvik.innhold.deler.iter_mut();
    if let Some(part) = parts.rfind(|part| part.gjelder() && part.enhet == responsible) {
        part.tilstand = Deltilstand::Akseptert;
        part.ferdig = None;
    }
    avvik.tilstand = Tilstand::UnderBehandling;
    avvik.tilbakemeldt = None;
    avvik.innhold.innvending = false;
    avvik.innhold.avsluttet = None;
    avvik.innhold.gjenapnet = begrunnelse;
    Ok(avvik)
}
