//! What may happen to a vedtak.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Aktor, Dag, Overganger, Virkninger, felt, kalender, navn},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::UtsettUnderretningRequest, felles::Feilgrunn, klassifisering::Klasser,
};

use super::{
    FRIST_ETTERLEVELSE, FRIST_FERDIGSTILLING, FRIST_GODKJENNING, FRIST_OPPFOLGING,
    FRIST_REVURDERING, FRIST_UNDERRETNING, Fatting, Forlop, Klageutfall, Tilstand, Underretning,
    Utsettelse, Vedtak, avslag, innhold,
    innhold::{Innhold, Nektet},
    klokker::{
        frist_for_bolig, frist_for_evaluering, frist_for_ferdigstilling, frist_for_revurdering,
        frist_for_underretning, frister_for_slutt,
    },
    overtakelse,
};
use crate::{
    KOORDINERING,
    evaluering::Evaluering,
    frister::frister,
    kartlegging,
    mottatt::Mottatt,
    oppdrag::{self, Oppdrag},
    soknad::{self, Soknad},
};

/// Which verb is allowed in which state.
pub(crate) const OVERGANGER: Overganger<Tilstand> = Overganger(&[
    ("OppdaterVedtak", &[Tilstand::Utkast]),
    ("SendTilGodkjenning", &[Tilstand::Utkast]),
    ("ReturnerVedtak", &[Tilstand::TilGodkjenning]),
    ("FattVedtak", &[Tilstand::TilGodkjenning]),
    ("UnderrettVedtak", &[Tilstand::Fattet, Tilstand::Utlopt]),
    ("OpphorVedtak", I_KRAFT),
    ("UtsettUnderretning", &[Tilstand::Fattet]),
    ("EndreVedtak", FATTET_EN_GANG),
    ("GodkjennEndring", FATTET_EN_GANG),
    ("AvvisEndring", FATTET_EN_GANG),
    ("MeldEtterlevelse", FATTET_EN_GANG),
    ("RegistrerEvaluering", I_KRAFT),
    ("ForeslaOpphor", I_KRAFT),
    ("ForkastVedtak", &[Tilstand::Utkast]),
]);

/// What has ended can come into force again, on klage.
const FATTET_EN_GANG: &[Tilstand] = &[
    Tilstand::Fattet,
    Tilstand::Underrettet,
    Tilstand::Iverksatt,
    Tilstand::Opphort,
    Tilstand::Utlopt,
];

/// States in which a vedtak is in force.
pub(crate) const I_KRAFT: &[Tilstand] =
    &[Tilstand::Fattet, Tilstand::Underrettet, Tilstand::Iverksatt];

/// Days within which the person can send a klage (forvaltningsloven § 29).
const KLAGE_DAGER: i32 = 21;
/// Working days within which a draft or an amendment that was sent is decided.
pub(super) const GODKJENNING_ARBEIDSDAGER: u16 = 3;
/// Days before that in which an evaluation is the new assessment; an earlier one
/// says nothing of how three months went.
const REVURDERING_TIDLIGST_DAGER: i32 = 28;
/// Working days within which a vedtak is amended as the statsforvalter decided:
/// a default, the law says «without undue delay».
const ETTERLEVELSE_ARBEIDSDAGER: u16 = 10;
/// Function of a unit where two-person control is off.
const FATTER_ALENE: &str = "fatter_alene";

pub(super) fn krev(vedtak: &Vedtak, verb: &str) -> Result<(), Refusal> {
    OVERGANGER.krev(verb, vedtak.tilstand, vedtak.tilstand.kode())
}

/// What the unit that decides brings: its functions by the municipality's
/// file, and what else is so for the person.
#[derive(Debug, Clone)]
pub(crate) struct Myndighet<'a> {
    pub(crate) funksjoner: &'a [String],
    /// Unit with the main responsibility by another vedtak.
    pub(crate) hovedansvarlig: Option<String>,
    /// Nothing else on the application waits for a decision.
    pub(crate) siste: bool,
    /// Types of service that other vedtak on the application answer.
    pub(crate) besvart: BTreeSet<avslag::Ytelse>,
    /// The person's open orders without a vedtak.
    pub(crate) korte: Vec<Oppdrag>,
}

impl<'a> Myndighet<'a> {
    /// For what concerns one vedtak alone.
    pub(crate) fn alene(funksjoner: &'a [String]) -> Self {
        Self {
            funksjoner,
            hovedansvarlig: None,
            siste: true,
            besvart: BTreeSet::new(),
            korte: Vec::new(),
        }
    }

    /// An employee decides, and not one of those who wrote, where two-person
    /// control is on.
    pub(crate) fn krev_en_annen<'b>(
        &self,
        av: &Aktor,
        wrote: impl IntoIterator<Item = &'b Aktor>,
    ) -> Result<(), Refusal> {
        let alone = self.funksjoner.iter().any(|held| held == FATTER_ALENE);
        let own = wrote.into_iter().any(|author| author.er_samme_ansatte(av));
        if av.ansatt.is_empty() || (own && !alone) {
            return Err(Refusal::new(Feilgrunn::IkkeTillatt)
                .with("regel", "W4")
                .with(
                    "rad",
                    "Den som har skrevet, foreslått eller fattet det, kan ikke avgjøre det alene.",
                ));
        }
        Ok(())
    }
}

/// Drafts a vedtak on an application, for the unit that decides.
///
/// # Errors
/// `UGYLDIG_OVERGANG` when the application is not being mapped or ready.
pub(crate) fn opprett(
    soknad: &Soknad,
    id: String,
    enhet: &str,
    innhold: Innhold,
    av: &Aktor,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    soknad::rules::krev(soknad, "OpprettVedtak")?;
    let mut vedtak = Vedtak {
        person: soknad.person.clone(),
        id,
        versjon: 1,
        tilstand: Tilstand::Utkast,
        ansvarlig_enhet: enhet.to_owned(),
        soknad: soknad.id.clone(),
        innhold: innhold.med_linje_id(),
        forlop: Forlop {
            opprettet: now,
            forfattere: vec![av.clone()],
            retur_begrunnelse: String::new(),
            fattet: None,
            underretning: None,
            iverksatt: None,
            avslutning: None,
            innholdsversjon: 0,
            soknadens_enhet: soknad.ansvarlig_enhet.clone(),
            kartlegging: None,
            revurderes: None,
            utsatt: None,
            endring: None,
            endret: None,
            forkastet: String::new(),
            evalueringer: Vec::new(),
            boligmeldinger: Vec::new(),
            klageutfall: Vec::new(),
        },
    };
    let mut out = Virkninger::new();
    out.hendelse("VedtakOpprettet", &vedtak.emne(), myndigheten(&vedtak));
    if vedtak.er_overlatt() {
        // Another agency has confirmed that the case is theirs to decide.
        let mapping = soknad.innhold.kartlegging.as_ref();
        let mapping = mapping.map(|id| navn::post(&vedtak.person, kartlegging::SAMLING, id));
        out.fakta = vedtak.myndighetens_fakta(now, None, av, mapping.clone());
        vedtak.forlop.kartlegging = mapping;
        frist_for_ferdigstilling(&vedtak, soknad.innhold.forelopig_svar_frist, now, &mut out);
    }
    Ok((vedtak, out))
}

/// Discards a draft.
pub(crate) fn forkast(
    mut vedtak: Vedtak,
    begrunnelse: String,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "ForkastVedtak")?;
    let mut out = bortfall(&vedtak, now).unwrap_or_default();
    vedtak.tilstand = Tilstand::Forkastet;
    vedtak.forlop.forkastet = begrunnelse;
    out.hendelse("VedtakForkastet", &vedtak.emne(), myndigheten(&vedtak));
    Ok((vedtak, out))
}

/// Discards a draft, sent or not, of a unit that the person refuses. None when it
/// was decided.
pub(crate) fn forkast_hos_nektet(mut vedtak: Vedtak, now: Tid) -> Option<(Vedtak, Virkninger)> {
    let out = bortfall(&vedtak, now)?;
    vedtak.tilstand = Tilstand::Forkastet;
    vedtak.forlop.forkastet = String::from("Personen har sagt nei til enheten");
    Some((vedtak, out))
}

/// There is nothing left to decide: what the draft opened ends. None when it
/// was decided.
pub(crate) fn bortfall(vedtak: &Vedtak, now: Tid) -> Option<Virkninger> {
    if !matches!(vedtak.tilstand, Tilstand::Utkast | Tilstand::TilGodkjenning) {
        return None;
    }
    let mut out = Virkninger::new();
    out.slett_frist(FRIST_GODKJENNING, &vedtak.name());
    out.slett_frist(FRIST_FERDIGSTILLING, &vedtak.name());
    if vedtak.er_overlatt()
        && let Some(author) = vedtak.forlop.forfattere.first()
    {
        let mapping = vedtak.forlop.kartlegging.clone();
        let opened = vedtak.forlop.opprettet;
        out.fakta = vedtak.myndighetens_fakta(opened, Some(now), author, mapping);
        out.hendelse("VedtakBortfalt", &vedtak.emne(), myndigheten(vedtak));
    }
    Some(out)
}

/// Replaces what a draft says, but for the classes that the caller may not
/// write.
pub(crate) fn oppdater(
    mut vedtak: Vedtak,
    innhold: Innhold,
    klasser: Klasser,
    av: Aktor,
) -> Result<Vedtak, Refusal> {
    krev(&vedtak, "OppdaterVedtak")?;
    vedtak.innhold = innhold
        .med_skjermet_fra(&vedtak.innhold, klasser)
        .med_linje_id();
    legg_til_forfatter(&mut vedtak, av);
    Ok(vedtak)
}

/// Nobody whom the person refuses decides, or is named.
fn krev_ikke_nektet(vedtak: &Vedtak, nektet: &Nektet) -> Result<(), Refusal> {
    if vedtak.er_overlatt() {
        let mut faults = FieldFaults::new();
        let decides = &vedtak.ansvarlig_enhet;
        innhold::ikke_nektet(decides, "vedtak.ansvarlig_enhet", nektet, &mut faults);
        faults.finish()?;
    }
    innhold::krev_ikke_nektet(&vedtak.innhold, nektet)
}

/// Sends a complete draft for decision. `nektet`: units that the person refuses.
pub(crate) fn send(
    mut vedtak: Vedtak,
    hovedansvarlig: Option<&str>,
    nektet: &Nektet,
    av: Aktor,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "SendTilGodkjenning")?;
    krev_ikke_nektet(&vedtak, nektet)?;
    innhold::fullstendig(&vedtak.innhold, hovedansvarlig)?;
    innhold::krev_ikke_over(&vedtak.innhold, Dag::av(now))?;
    vedtak.tilstand = Tilstand::TilGodkjenning;
    legg_til_forfatter(&mut vedtak, av);
    let mut out = Virkninger::new();
    let emne = vedtak.emne();
    out.hendelse("VedtakTilGodkjenning", &emne, myndigheten(&vedtak));
    let due = kalender::arbeidsdager_etter(now, GODKJENNING_ARBEIDSDAGER);
    let owner = [vedtak.ansvarlig_enhet.clone()];
    out.frist(FRIST_GODKJENNING, &emne, due, None, owner);
    out.slett_frist(FRIST_FERDIGSTILLING, &emne.post);
    Ok((vedtak, out))
}

/// Returns a vedtak to draft, with a reason.
pub(crate) fn returner(
    mut vedtak: Vedtak,
    begrunnelse: String,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "ReturnerVedtak")?;
    vedtak.tilstand = Tilstand::Utkast;
    vedtak.forlop.retur_begrunnelse = begrunnelse;
    let mut out = Virkninger::new();
    out.hendelse("VedtakReturnert", &vedtak.emne(), myndigheten(&vedtak));
    out.slett_frist(FRIST_GODKJENNING, &vedtak.name());
    if vedtak.er_overlatt() {
        frist_for_ferdigstilling(&vedtak, now, now, &mut out);
    }
    Ok((vedtak, out))
}

/// What a decision changes.
#[derive(Debug)]
pub(crate) struct Fattet {
    pub(crate) vedtak: Vedtak,
    /// The application, closed.
    pub(crate) soknad: Soknad,
    /// New orders, one per line and unit.
    pub(crate) oppdrag: Vec<Oppdrag>,
    /// Short orders that go on under a line instead.
    pub(crate) overtatt: Vec<Oppdrag>,
    pub(crate) virkninger: Virkninger,
}

/// Decides: an employee who did not write on the draft, in a unit with
/// authority for every line, on an application that is ready. The last one
/// decided on the application closes it.
///
/// # Errors
/// `IKKE_TILLATT` (W4) for an author or a system, `UGYLDIG_FORESPORSEL` for a
/// part that is missing or a line that is another's to decide,
/// `UGYLDIG_OVERGANG`.
pub(crate) fn fatt(
    mut vedtak: Vedtak,
    soknad: Soknad,
    nektet: &Nektet,
    myndighet: &Myndighet<'_>,
    av: &Aktor,
    now: Tid,
    mut new_id: impl FnMut() -> String,
) -> Result<Fattet, Refusal> {
    krev(&vedtak, "FattVedtak")?;
    myndighet.krev_en_annen(av, &vedtak.forlop.forfattere)?;
    innhold::krev_myndighet(&vedtak.innhold, myndighet.funksjoner)?;
    krev_ikke_nektet(&vedtak, nektet)?;
    innhold::fullstendig(&vedtak.innhold, myndighet.hovedansvarlig.as_deref())?;
    innhold::krev_ikke_over(&vedtak.innhold, Dag::av(now))?;
    innhold::krev_ikke_for(&vedtak.innhold, Dag::av(soknad.innhold.mottatt))?;
    if myndighet.siste {
        let applied = &soknad.innhold.innsendt;
        avslag::krev_svar(applied, &vedtak.innhold, &myndighet.besvart)?;
    }
    let (soknad, mut out) = if myndighet.siste {
        soknad::rules::vedta(soknad, av.clone(), now)?
    } else {
        soknad::rules::krev(&soknad, "FattVedtak")?;
        (soknad, Virkninger::new())
    };
    vedtak.tilstand = Tilstand::Fattet;
    vedtak.forlop.innholdsversjon = 1;
    vedtak.forlop.fattet = Some(Fatting {
        tid: now,
        av: av.clone(),
        kartlegging: soknad.innhold.kartlegging.clone(),
    });
    out.slett_frist(FRIST_GODKJENNING, &vedtak.name());

    let emne = vedtak.emne();
    out.fakta.extend(vedtak.fakta(None));
    out.hendelse("VedtakFattet", &emne, hoerer_om(&vedtak));
    frist_for_underretning(&vedtak, now, &mut out);
    frister_for_slutt(&vedtak, now, &mut out);
    frist_for_bolig(None, &vedtak, now, &mut out);
    // The packet of a hospital says it as well as who drafts.
    let packet = soknad.innhold.innsendt.sykehusmelding.is_some();
    let discharged = vedtak.innhold.utskrevet_fra_sykehus || packet;
    if discharged && vedtak.innhold.innvilger() {
        frist_for_revurdering(&mut vedtak, now, &mut out);
    }
    let (mut orders, mut overtatt) = (Vec::new(), Vec::new());
    for line in &vedtak.innhold.linjer {
        for unit in &line.enheter {
            if let Some(short) = overtakelse::finn(&myndighet.korte, line, unit) {
                let short = short.clone();
                overtatt.push(oppdrag::rules::overta(short, &vedtak, line, now, &mut out));
            } else {
                let order = oppdrag::rules::tilby(&vedtak, line, unit, new_id(), av, now, &mut out);
                orders.push(order);
            }
        }
    }
    let vedtak = iverksatt_av(vedtak, &overtatt, now, &mut out);
    Ok(Fattet {
        vedtak,
        soknad,
        oppdrag: orders,
        overtatt,
        virkninger: out,
    })
}

/// Reads until when telling the person is postponed, and why.
pub(crate) fn les_utsettelse(
    request: &UtsettUnderretningRequest,
    now: Tid,
    faults: &mut FieldFaults,
) -> Option<Utsettelse> {
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, faults);
    let til = felt::pakrevd_dag(&request.til, "til", faults)?;
    if til <= Dag::av(now) {
        faults.form("til", "en dag etter i dag");
    }
    frister().utsatt_underretning.krev(til, "til", now, faults);
    Some(Utsettelse { til, begrunnelse })
}

/// Telling the person is postponed; the deadline moves to that day.
pub(crate) fn utsett(
    mut vedtak: Vedtak,
    utsettelse: Utsettelse,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "UtsettUnderretning")?;
    let due = utsettelse.til.slutt();
    vedtak.forlop.utsatt = Some(utsettelse);
    let mut out = Virkninger::new();
    let emne = vedtak.emne();
    out.hendelse("UnderretningUtsatt", &emne, myndigheten(&vedtak));
    out.frist(FRIST_UNDERRETNING, &emne, due, None, myndigheten(&vedtak));
    Ok((vedtak, out))
}

/// Records an evaluation.
///
/// # Errors
/// `UGYLDIG_FORESPORSEL` for a period before the decision.
pub(crate) fn evaluer(
    mut vedtak: Vedtak,
    evaluering: Evaluering,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "RegistrerEvaluering")?;
    let decided = vedtak.forlop.fattet.as_ref().map(|decision| decision.tid);
    let first = decided.map(Dag::av);
    if first.is_some_and(|first| evaluering.fra < first) {
        let mut faults = FieldFaults::new();
        let first = first.map(|day| day.to_string()).unwrap_or_default();
        faults.form(
            "evaluering.fra",
            format_args!("{first} eller senere, da vedtaket ble fattet"),
        );
        faults.finish()?;
    }
    let last = evaluering.til;
    vedtak.forlop.evalueringer.push(evaluering);
    let mut out = Virkninger::new();
    out.hendelse("VedtakEvaluert", &vedtak.emne(), hoerer_om(&vedtak));
    frist_for_evaluering(&vedtak, now, &mut out);
    out.slett_frist(FRIST_OPPFOLGING, &vedtak.name());
    let reassessed = |due: Tid| last >= Dag::av(due).pluss_dager(-REVURDERING_TIDLIGST_DAGER);
    if vedtak.forlop.revurderes.is_some_and(reassessed) {
        vedtak.forlop.revurderes = None;
        out.slett_frist(FRIST_REVURDERING, &vedtak.name());
    }
    Ok((vedtak, out))
}

/// What came of a klage is carried back into the vedtak. What the
/// statsforvalter changed or quashed must be carried out.
pub(crate) fn klageutfall(mut vedtak: Vedtak, mut utfall: Klageutfall) -> (Vedtak, Virkninger) {
    utfall.versjon = vedtak.forlop.innholdsversjon;
    let mut out = Virkninger::new();
    let emne = vedtak.emne();
    out.hendelse("KlageutfallRegistrert", &emne, hoerer_om(&vedtak));
    let ended = vedtak.er_avsluttet();
    if utfall.ma_etterleves() && (ended || I_KRAFT.contains(&vedtak.tilstand)) {
        let due = kalender::arbeidsdager_etter(utfall.tid, ETTERLEVELSE_ARBEIDSDAGER);
        out.frist(FRIST_ETTERLEVELSE, &emne, due, None, myndigheten(&vedtak));
        if ended || !vedtak.innhold.innvilger() {
            // It can be amended, and so is an open case again.
            out.fakta = vedtak.sak(None);
        }
    }
    vedtak.forlop.klageutfall.push(utfall);
    (vedtak, out)
}

/// The unit that decides, and the one that holds the application.
pub(super) fn myndigheten(vedtak: &Vedtak) -> Vec<String> {
    let mut units = vec![vedtak.ansvarlig_enhet.clone()];
    if vedtak.er_overlatt() {
        units.push(vedtak.soknadens_enhet().to_owned());
    }
    units
}

/// Last day for a klage when the person is told today: three weeks, and the
/// next working day where that is none.
pub(super) fn klagefrist(now: Tid) -> Dag {
    let last = Dag::av(now).pluss_dager(KLAGE_DAGER);
    if last.er_arbeidsdag() {
        last
    } else {
        last.pluss_arbeidsdager(1)
    }
}

/// Records that the person was told.
pub(crate) fn underrett(
    mut vedtak: Vedtak,
    mate: String,
    told: Mottatt,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "UnderrettVedtak")?;
    let over = vedtak.er_avsluttet();
    if over && vedtak.er_underrettet() {
        // The time for klage does not begin anew.
        return Err(Refusal::transition(vedtak.tilstand.kode(), &[]));
    }
    let Mottatt { tid, grunn } = told;
    let decided = vedtak.forlop.fattet.as_ref().map(|decision| decision.tid);
    let changed = vedtak.forlop.endret.as_ref().map(|change| change.tid);
    if let Some(first) = changed.or(decided).map(Dag::av)
        && Dag::av(tid) < first
    {
        let mut faults = FieldFaults::new();
        faults.form(
            "underrettet",
            format_args!("{first} eller senere, da det ble vedtatt"),
        );
        faults.finish()?;
    }
    let klagefrist = klagefrist(tid);
    vedtak.forlop.underretning = Some(Underretning {
        tid,
        mate,
        klagefrist,
        versjon: vedtak.forlop.innholdsversjon,
        etterregistrert_grunn: grunn,
    });
    // A service may have started before the letter was written.
    let started = vedtak.forlop.iverksatt.is_some();
    if !over {
        vedtak.tilstand = if started {
            Tilstand::Iverksatt
        } else {
            Tilstand::Underrettet
        };
    }
    let mut out = Virkninger::new();
    out.hendelse("VedtakUnderrettet", &vedtak.emne(), hoerer_om(&vedtak));
    if over || !vedtak.innhold.innvilger() {
        // Nothing is delivered: the case is open for as long as it can be disputed.
        out.fakta = vedtak.sak(Some(klagefrist.slutt()));
    }
    out.slett_frist(FRIST_UNDERRETNING, &vedtak.name());
    Ok((vedtak, out))
}

/// A service under the vedtak started. None when one had before.
pub(crate) fn iverksett(mut vedtak: Vedtak, now: Tid) -> Option<(Vedtak, Virkninger)> {
    if vedtak.forlop.iverksatt.is_some() || !I_KRAFT.contains(&vedtak.tilstand) {
        return None;
    }
    vedtak.forlop.iverksatt = Some(now);
    if vedtak.tilstand == Tilstand::Underrettet {
        vedtak.tilstand = Tilstand::Iverksatt;
    }
    let mut out = Virkninger::new();
    out.hendelse("VedtakIverksatt", &vedtak.emne(), hoerer_om(&vedtak));
    Some((vedtak, out))
}

/// The vedtak with the start of a service that went on under it.
pub(super) fn iverksatt_av(
    vedtak: Vedtak,
    overtatt: &[Oppdrag],
    now: Tid,
    out: &mut Virkninger,
) -> Vedtak {
    if !overtatt.iter().any(|order| order.innhold.startet.is_some()) {
        return vedtak;
    }
    let Some((started, begun)) = iverksett(vedtak.clone(), now) else {
        return vedtak;
    };
    out.og(begun);
    started
}

/// Everyone who hears of what happens to a vedtak in force.
pub(super) fn hoerer_om(vedtak: &Vedtak) -> Vec<String> {
    // Who decides comes first: that one must act.
    let mut units = myndigheten(vedtak);
    let parties = vedtak.parter().into_iter().chain([KOORDINERING]);
    for unit in parties {
        if !units.iter().any(|known| known == unit) {
            units.push(unit.to_owned());
        }
    }
    units
}

fn legg_til_forfatter(vedtak: &mut Vedtak, av: Aktor) {
    let authors = &mut vedtak.forlop.forfattere;
    if !authors.contains(&av) {
        authors.push(av);
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
mod tests;
