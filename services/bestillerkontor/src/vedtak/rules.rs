//! What may happen to a vedtak.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Aktor, Dag, Overganger, Virkninger, felt, kalender, navn},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{Tjenestetype, UtsettUnderretningRequest},
    felles::Feilgrunn,
    klassifisering::Klasser,
};

use super::{
    FRIST_BOLIG, FRIST_ETTERLEVELSE, FRIST_EVALUERING, FRIST_FERDIGSTILLING, FRIST_GODKJENNING,
    FRIST_OPPFOLGING, FRIST_REVURDERING, FRIST_UNDERRETNING, FRIST_UTLOP, Fatting, Forlop,
    Klageutfall, Tilstand, Underretning, Utsettelse, Vedtak, avslag, innhold,
    innhold::{Bolig, Innhold, Nektet},
};
use crate::{
    KOORDINERING,
    evaluering::{self, Evaluering},
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

/// Working days within which the person is told of a decision.
const UNDERRETNING_ARBEIDSDAGER: u16 = 3;
/// Days within which the person can send a klage (forvaltningsloven § 29).
const KLAGE_DAGER: i32 = 21;
/// Working days within which a draft or an amendment that was sent is decided.
pub(super) const GODKJENNING_ARBEIDSDAGER: u16 = 3;
/// Months after which what was decided on a discharge is assessed anew.
const REVURDERING_MANEDER: i32 = 3;
/// Days before that in which an evaluation is the new assessment; an earlier one
/// says nothing of how three months went.
const REVURDERING_TIDLIGST_DAGER: i32 = 28;
/// Working days within which a vedtak is amended as the statsforvalter decided:
/// a default, the law says «without undue delay».
const ETTERLEVELSE_ARBEIDSDAGER: u16 = 10;
/// Function of a unit where two-person control is off.
const FATTER_ALENE: &str = "fatter_alene";
/// Days before the last day in which everyone is warned of it: four weeks.
const UTLOP_VARSEL_DAGER: i32 = 28;

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
    pub(crate) besvart: BTreeSet<Tjenestetype>,
}

impl<'a> Myndighet<'a> {
    /// For what concerns one vedtak alone.
    pub(crate) fn alene(funksjoner: &'a [String]) -> Self {
        Self {
            funksjoner,
            hovedansvarlig: None,
            siste: true,
            besvart: BTreeSet::new(),
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

/// The unit that decides, where it is another than drafted, completes the draft:
/// by the day on which the person is answered, or soon where that has passed.
fn frist_for_ferdigstilling(vedtak: &Vedtak, by: Tid, now: Tid, out: &mut Virkninger) {
    let soon = kalender::arbeidsdager_etter(now, GODKJENNING_ARBEIDSDAGER);
    let told = myndigheten(vedtak);
    out.frist(
        FRIST_FERDIGSTILLING,
        &vedtak.emne(),
        by.max(soon),
        None,
        told,
    );
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
    /// Orders, one per line and unit.
    pub(crate) oppdrag: Vec<Oppdrag>,
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
        let applied = &soknad.innhold.innsendt.gjelder;
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
    let mut orders = Vec::new();
    for line in &vedtak.innhold.linjer {
        for unit in &line.enheter {
            let order = oppdrag::rules::tilby(&vedtak, line, unit, new_id(), av, now, &mut out);
            orders.push(order);
        }
    }
    Ok(Fattet {
        vedtak,
        soknad,
        oppdrag: orders,
        virkninger: out,
    })
}

fn frist_for_underretning(vedtak: &Vedtak, now: Tid, out: &mut Virkninger) {
    let told_by = kalender::arbeidsdager_etter(now, UNDERRETNING_ARBEIDSDAGER);
    out.frist(
        FRIST_UNDERRETNING,
        &vedtak.emne(),
        told_by,
        None,
        myndigheten(vedtak),
    );
}

/// The person is told of a new version too. Where the one before was not told
/// yet, its clock runs on: no amendment puts the telling off.
pub(super) fn frist_for_ny_underretning(
    before: &Vedtak,
    after: &mut Vedtak,
    now: Tid,
    out: &mut Virkninger,
) {
    if before.er_underrettet() {
        after.forlop.utsatt = None;
        frist_for_underretning(after, now, out);
    }
}

/// The clock of a right to a dwelling, which the unit that allocates has until
/// the line ends; a line that is as `before` keeps the one that runs.
pub(super) fn frist_for_bolig(
    before: Option<&Bolig>,
    vedtak: &Vedtak,
    now: Tid,
    out: &mut Virkninger,
) {
    let right = |line: &Bolig| (line.rett, line.enhet.clone(), line.fra);
    let after = vedtak.innhold.bolig.as_ref();
    if before.map(right) == after.map(right) {
        return;
    }
    let emne = vedtak.emne();
    out.slett_frist(FRIST_BOLIG, &emne.post);
    if let Some(line) = after {
        let begun = line.fra.map_or(now, |fra| fra.start().max(now));
        let due = kalender::maneder_etter(begun, frister().bolig.maneder);
        let due = kalender::til_arbeidsdag(due);
        let mut told = vec![line.enhet.clone()];
        told.extend(myndigheten(vedtak));
        out.frist(FRIST_BOLIG, &emne, due, None, told);
    }
}

/// The clock of the last day, where it has one, and the one of the evaluation.
pub(super) fn frister_for_slutt(vedtak: &Vedtak, now: Tid, out: &mut Virkninger) {
    let emne = vedtak.emne();
    match vedtak.innhold.siste_dag() {
        None => out.slett_frist(FRIST_UTLOP, &emne.post),
        Some(last) => {
            let warn = last.pluss_dager(-UTLOP_VARSEL_DAGER).slutt();
            let told = hoerer_om(vedtak);
            out.frist(FRIST_UTLOP, &emne, last.slutt(), Some(warn), told);
        }
    }
    frist_for_evaluering(vedtak, now, out);
}

fn frist_for_evaluering(vedtak: &Vedtak, now: Tid, out: &mut Virkninger) {
    let decided = vedtak.forlop.fattet.as_ref();
    let begun = Dag::av(decided.map_or(now, |decision| decision.tid));
    let evaluated = vedtak.forlop.evalueringer.iter();
    let evaluated = evaluated.map(|evaluation| evaluation.til).max();
    let slutter = vedtak.innhold.slutter();
    let emne = vedtak.emne();
    match evaluering::neste(slutter, begun, evaluated, Dag::av(now)) {
        None => out.slett_frist(FRIST_EVALUERING, &emne.post),
        Some(due) => {
            let told = hoerer_om(vedtak);
            out.frist(FRIST_EVALUERING, &emne, due.slutt(), None, told);
        }
    }
}

/// What rests on a discharge is assessed anew, three months from `now`.
pub(super) fn frist_for_revurdering(vedtak: &mut Vedtak, now: Tid, out: &mut Virkninger) {
    let due = kalender::til_arbeidsdag(kalender::maneder_etter(now, REVURDERING_MANEDER));
    vedtak.forlop.revurderes = Some(due);
    let emne = vedtak.emne();
    out.frist(FRIST_REVURDERING, &emne, due, None, myndigheten(vedtak));
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
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests"
    )]

    use samspor_chassis::domene::virkning::Fristendring;
    use samspor_proto::felles::{Faktum, Faktumtype};

    use super::*;
    use crate::{
        ENHET,
        proveark::{self, LATER, NOW, who},
        vedtak::{
            Endring, Opphor,
            endring::{Forslag, avvis_endring, endre, foresla_opphor, godkjenn},
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
            "AvvisEndring" => {
                avvis_endring(with_change(vedtak), "Nei".into()).map(|(v, _)| v.tilstand)
            }
            "RegistrerEvaluering" => {
                evaluer(vedtak, proveark::en_evaluering(by, NOW), NOW).map(|(v, _)| v.tilstand)
            }
            _ => panic!("{name}"),
        }
    }

    /// Every cell of state × verb: the state after, or `-` for refused. To see
    /// it red, move a state in `OVERGANGER`.
    #[test]
    fn every_cell() {
        proveark::every_cell(
            include_str!("../../tests/data/vedtak.csv"),
            Tilstand::ALLE,
            |name, state| verb(name, in_state(state)).map(Tilstand::kode),
            Tilstand::kode,
        );
        assert_eq!(OVERGANGER.0.len(), 13);
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

        let (told, _) =
            underrett(in_state(Tilstand::Fattet), "brev".into(), Mottatt::na(NOW)).unwrap();
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
}
