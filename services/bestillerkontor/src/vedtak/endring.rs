//! Amendment of a vedtak in force: proposed, decided by another, and in force
//! in one step with its orders.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, kalender},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{bestillerkontor::Avslutningsarsak, felles::Faktum, klassifisering::Klasser};

use super::{
    Endret, Endring, FRIST_ENDRING, FRIST_ETTERLEVELSE, FRIST_OPPFOLGING, Tilstand, Utgave, Vedtak,
    innhold,
    innhold::Innhold,
    rules::{
        GODKJENNING_ARBEIDSDAGER, Myndighet, frist_for_revurdering, frist_for_underretning,
        frister_for_slutt, hoerer_om, krev, myndigheten,
    },
};
use crate::oppdrag::{self, Oppdrag};

/// Proposes an amendment.
///
/// # Errors
/// `KONFLIKT` while another waits, `UGYLDIG_FORESPORSEL` for what is missing,
/// would change the past, or would prolong what was not evaluated.
pub(crate) fn endre(
    mut vedtak: Vedtak,
    innhold: Innhold,
    nektet: &BTreeSet<String>,
    begrunnelse: String,
    klasser: Klasser,
    av: Aktor,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "EndreVedtak")?;
    if vedtak.forlop.endring.is_some() {
        return Err(Refusal::conflict("en endring som venter på godkjenning"));
    }
    let innhold = innhold
        .med_skjermet_fra(&vedtak.innhold, klasser)
        .med_linje_id();
    krev_ny_versjon(&vedtak, &innhold, nektet, now)?;
    vedtak.forlop.endring = Some(Endring {
        innhold,
        begrunnelse,
        forfatter: av,
        tid: now,
    });
    let mut out = Virkninger::new();
    let emne = vedtak.emne();
    out.hendelse("EndringForeslatt", &emne, myndigheten(&vedtak));
    let due = kalender::arbeidsdager_etter(now, GODKJENNING_ARBEIDSDAGER);
    out.frist(FRIST_ENDRING, &emne, due, None, myndigheten(&vedtak));
    Ok((vedtak, out))
}

/// What may become the next version.
fn krev_ny_versjon(
    vedtak: &Vedtak,
    innhold: &Innhold,
    nektet: &BTreeSet<String>,
    now: Tid,
) -> Result<(), Refusal> {
    innhold::krev_ikke_nektet(innhold, nektet)?;
    let own = Some(vedtak.innhold.hovedansvarlig.as_str());
    innhold::fullstendig(innhold, own)?;
    innhold::krev_fremover(&vedtak.innhold, innhold, Dag::av(now))?;
    let prolonged = vedtak.innhold.forlenges(innhold);
    let since = vedtak.forlop.endret.as_ref().map(|change| change.tid);
    let since = since.or(vedtak.forlop.fattet.as_ref().map(|decision| decision.tid));
    let evaluated = vedtak
        .forlop
        .evalueringer
        .iter()
        .any(|evaluation| Some(evaluation.tid) >= since);
    if prolonged && !evaluated {
        let mut faults = FieldFaults::new();
        faults.contradicts(
            "vedtak.linjer",
            "evalueringer",
            "evaluer vedtaket (RegistrerEvaluering) før det forlenges",
        );
        faults.finish()?;
    }
    Ok(())
}

/// The next version of a vedtak, with its orders.
#[derive(Debug)]
pub(crate) struct NyVersjon {
    pub(crate) vedtak: Vedtak,
    /// Number and content of the version before.
    pub(crate) forrige: (i32, Utgave),
    /// Orders that were there, with what changed.
    pub(crate) oppdrag: Vec<Oppdrag>,
    /// Orders that are new.
    pub(crate) nye: Vec<Oppdrag>,
    pub(crate) virkninger: Virkninger,
}

/// Decides the amendment that waits. `uavsluttede`: the orders of the vedtak
/// that have not ended; `nektet`: units that the person refuses.
///
/// # Errors
/// `IKKE_TILLATT` (W4) for its author, and as [`endre`] and [`fatt`].
pub(crate) fn godkjenn(
    mut vedtak: Vedtak,
    uavsluttede: Vec<Oppdrag>,
    nektet: &BTreeSet<String>,
    myndighet: &Myndighet<'_>,
    av: &Aktor,
    now: Tid,
    new_id: impl FnMut() -> String,
) -> Result<NyVersjon, Refusal> {
    krev(&vedtak, "GodkjennEndring")?;
    let change = ta_endring(&mut vedtak)?;
    myndighet.krev_en_annen(av, [&change.forfatter])?;
    ny_versjon(
        vedtak,
        change.innhold,
        &change.begrunnelse,
        uavsluttede,
        nektet,
        myndighet,
        av,
        now,
        new_id,
    )
}

fn ta_endring(vedtak: &mut Vedtak) -> Result<Endring, Refusal> {
    let none = || Refusal::transition("INGEN_ENDRING", &["EndreVedtak"]);
    vedtak.forlop.endring.take().ok_or_else(none)
}

/// Takes the amendment that waits away.
pub(crate) fn avvis_endring(
    mut vedtak: Vedtak,
    begrunnelse: String,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "AvvisEndring")?;
    ta_endring(&mut vedtak)?;
    vedtak.forlop.retur_begrunnelse = begrunnelse;
    let mut out = Virkninger::new();
    out.hendelse("EndringAvvist", &vedtak.emne(), myndigheten(&vedtak));
    out.slett_frist(FRIST_ENDRING, &vedtak.name());
    Ok((vedtak, out))
}

/// The next version takes force, in one step with its orders: those whose line
/// is gone end, those whose line changed follow it, and what is new is offered.
/// Nobody is without a responsible unit in between.
#[expect(
    clippy::too_many_arguments,
    reason = "what is amended, by whom, and what it rests on"
)]
pub(crate) fn ny_versjon(
    mut vedtak: Vedtak,
    innhold: Innhold,
    begrunnelse: &str,
    uavsluttede: Vec<Oppdrag>,
    nektet: &BTreeSet<String>,
    myndighet: &Myndighet<'_>,
    av: &Aktor,
    now: Tid,
    mut new_id: impl FnMut() -> String,
) -> Result<NyVersjon, Refusal> {
    krev_ny_versjon(&vedtak, &innhold, nektet, now)?;
    innhold::krev_myndighet(&innhold, myndighet.funksjoner)?;
    let before = vedtak.clone();
    let prolonged = before.innhold.forlenges(&innhold);
    vedtak.innhold = innhold;
    vedtak.tilstand = Tilstand::Fattet;
    vedtak.forlop.endring = None;
    vedtak.forlop.utsatt = None;
    vedtak.forlop.innholdsversjon = before.forlop.innholdsversjon.saturating_add(1);
    vedtak.forlop.endret = Some(Endret {
        tid: now,
        av: av.clone(),
        begrunnelse: begrunnelse.to_owned(),
    });

    let mut out = Virkninger::new();
    let (oppdrag, nye) = nye_ordrer(
        &before,
        &vedtak,
        uavsluttede,
        begrunnelse,
        (av, now),
        &mut new_id,
        &mut out,
    );
    let ids = |facts: &[Faktum]| -> BTreeSet<String> {
        facts.iter().map(|fact| fact.id.clone()).collect()
    };
    let (had, has) = (before.fakta(Some(now)), vedtak.fakta(None));
    let (had_ids, has_ids) = (ids(&had), ids(&has));
    let newly: BTreeSet<&str> = nye.iter().map(|order| order.enhet.as_str()).collect();
    out.fakta
        .extend(had.into_iter().filter(|fact| !has_ids.contains(&fact.id)));
    out.fakta
        .extend(has.into_iter().filter(|fact| !had_ids.contains(&fact.id)));
    // A unit that had nothing left to deliver has again.
    for unit in newly {
        out.fakta.extend(vedtak.enhetens_fakta(unit, None));
    }

    let told: BTreeSet<String> = hoerer_om(&before)
        .into_iter()
        .chain(hoerer_om(&vedtak))
        .collect();
    let type_ = if prolonged {
        "VedtakFornyet"
    } else {
        "VedtakEndret"
    };
    out.hendelse(type_, &vedtak.emne(), told);
    out.slett_frist(FRIST_ENDRING, &vedtak.name());
    out.slett_frist(FRIST_ETTERLEVELSE, &vedtak.name());
    out.slett_frist(FRIST_OPPFOLGING, &vedtak.name());
    frist_for_underretning(&vedtak, now, &mut out);
    if vedtak.innhold.utskrevet_fra_sykehus && !before.innhold.utskrevet_fra_sykehus {
        frist_for_revurdering(&mut vedtak, now, &mut out);
    }
    if vedtak.innhold.slutter() != before.innhold.slutter() {
        frister_for_slutt(&vedtak, now, &mut out);
    }
    let forrige = (
        before.forlop.innholdsversjon,
        Utgave {
            innhold: before.innhold,
            endret: before.forlop.endret,
        },
    );
    Ok(NyVersjon {
        vedtak,
        forrige,
        oppdrag,
        nye,
        virkninger: out,
    })
}

/// What becomes of each order, and what is ordered besides.
fn nye_ordrer(
    before: &Vedtak,
    after: &Vedtak,
    uavsluttede: Vec<Oppdrag>,
    begrunnelse: &str,
    (av, now): (&Aktor, Tid),
    new_id: &mut impl FnMut() -> String,
    out: &mut Virkninger,
) -> (Vec<Oppdrag>, Vec<Oppdrag>) {
    let line_of = |vedtak: &'_ Vedtak, nr: &str| {
        let mut lines = vedtak.innhold.linjer.iter();
        lines.find(|line| line.nr == nr).cloned()
    };
    let mut kept = BTreeSet::new();
    let mut oppdrag = Vec::new();
    for order in uavsluttede {
        let line = line_of(after, &order.linje_id);
        let changed = line != line_of(before, &order.linje_id);
        let named = line.as_ref().filter(|line| {
            line.enheter.contains(&order.enhet) && line.type_ == order.innhold.bestilling.type_
        });
        match (named, order.er_apent()) {
            (Some(line), true) => {
                kept.insert((order.linje_id.clone(), order.enhet.clone()));
                oppdrag.push(oppdrag::rules::endre(order, line, now, out));
            }
            (None, true) => {
                let end = oppdrag::Slutt {
                    arsak: Avslutningsarsak::AnnenTjeneste,
                    begrunnelse: begrunnelse.to_owned(),
                    alternativ: format!("Se versjon {} av vedtaket", after.forlop.innholdsversjon),
                };
                let by = Some(av.clone());
                oppdrag.push(oppdrag::rules::opphor(order, end, by, now, out));
            }
            // A declined order has found its place when its line is changed; as
            // long as it is not, the line is not offered to the same unit again.
            (_, false) if changed => out.slett_frist(oppdrag::FRIST_OMFORDELING, &order.name()),
            (_, false) => {
                kept.insert((order.linje_id.clone(), order.enhet.clone()));
            }
        }
    }
    let mut nye = Vec::new();
    for line in &after.innhold.linjer {
        let over = line.til.is_some_and(|til| til < Dag::av(now));
        for unit in line.enheter.iter().filter(|_| !over) {
            // What was delivered and ended in agreement is not ordered again.
            let was = line_of(before, &line.nr);
            let unchanged = was.is_some_and(|was| was == *line);
            if unchanged || kept.contains(&(line.nr.clone(), unit.clone())) {
                continue;
            }
            let order = oppdrag::rules::tilby(after, line, unit, new_id(), av, now, out);
            nye.push(order);
        }
    }
    (oppdrag, nye)
}
