//! Amendment of a vedtak in force: proposed, decided by another, and in force
//! in one step with its orders.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt, kalender, navn},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{self as proto, Avslutningsarsak},
    felles::Faktum,
    klassifisering::Klasser,
};

use super::{
    Endret, Endring, FRIST_ENDRING, FRIST_ETTERLEVELSE, FRIST_OPPFOLGING, Linjeslutt, Opphor,
    Tilstand, Utgave, Vedtak, innhold,
    innhold::{Innhold, Linje, Nektet},
    klokker::{
        frist_for_bolig, frist_for_ny_underretning, frist_for_revurdering, frister_for_slutt,
    },
    overtakelse,
    rules::{GODKJENNING_ARBEIDSDAGER, Myndighet, hoerer_om, iverksatt_av, krev, myndigheten},
};
use crate::oppdrag::{self, Oppdrag};

/// What an amendment shall say, and why.
pub(crate) struct Forslag {
    pub(crate) innhold: Innhold,
    pub(crate) begrunnelse: String,
    pub(crate) slutt: Vec<Linjeslutt>,
    pub(crate) av: Aktor,
}

/// Reads what an amendment ends.
pub(crate) fn les_linjeslutt(
    values: &[proto::Linjeslutt],
    faults: &mut FieldFaults,
) -> Vec<Linjeslutt> {
    felt::antall(values.len(), "linjeslutt", MAKS_SLUTT, faults);
    let values = values.iter().enumerate().take(MAKS_SLUTT);
    values
        .map(|(place, value)| {
            let at = |field: &str| format!("linjeslutt[{place}].{field}");
            Linjeslutt {
                linje_id: felt::pakrevd(&value.linje_id, &at("linje_id"), 10, faults),
                enhet: navn::les_enhet(&value.enhet, &at("enhet"), faults),
                begrunnelse: felt::pakrevd(
                    &value.begrunnelse,
                    &at("begrunnelse"),
                    felt::LANG,
                    faults,
                ),
                alternativ: felt::pakrevd(&value.alternativ, &at("alternativ"), felt::LANG, faults),
            }
        })
        .collect()
}

/// Proposes an amendment.
///
/// # Errors
/// `KONFLIKT` while another waits, `UGYLDIG_FORESPORSEL` for what is missing,
/// would change the past, would end a service without a reason and an
/// alternative, or would prolong what was not evaluated.
pub(crate) fn endre(
    mut vedtak: Vedtak,
    forslag: Forslag,
    nektet: &Nektet,
    klasser: Klasser,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "EndreVedtak")?;
    if vedtak.er_avsluttet() && !skal_etterleves(&vedtak) {
        return Err(Refusal::transition(vedtak.tilstand.kode(), &[]));
    }
    let change = forslag.til_endring(&vedtak, None, klasser, now);
    krev_ny_versjon(&vedtak, &change, nektet, now)?;
    let out = foresla(&mut vedtak, change, "EndringForeslatt", now)?;
    Ok((vedtak, out))
}

/// Proposes what a klage leads to: never by who decided. What had ended comes
/// into force again.
///
/// # Errors
/// `IKKE_TILLATT` (W4) for who decided, and as [`endre`].
pub(crate) fn omgjor(
    mut vedtak: Vedtak,
    forslag: Forslag,
    klage: String,
    nektet: &Nektet,
    klasser: Klasser,
    myndighet: &Myndighet<'_>,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    myndighet.krev_en_annen(&forslag.av, vedtak.besluttet_av())?;
    let change = forslag.til_endring(&vedtak, Some(klage), klasser, now);
    krev_ny_versjon(&vedtak, &change, nektet, now)?;
    let out = foresla(&mut vedtak, change, "EndringForeslatt", now)?;
    Ok((vedtak, out))
}

/// Proposes to end the vedtak.
///
/// # Errors
/// `KONFLIKT` while something else waits.
pub(crate) fn foresla_opphor(
    mut vedtak: Vedtak,
    opphor: Opphor,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "ForeslaOpphor")?;
    let change = Endring {
        innhold: vedtak.innhold.clone(),
        begrunnelse: opphor.begrunnelse.clone(),
        forfatter: opphor.av.clone(),
        tid: now,
        slutt: Vec::new(),
        klage: None,
        opphor: Some(opphor),
    };
    let out = foresla(&mut vedtak, change, "OpphorForeslatt", now)?;
    Ok((vedtak, out))
}

impl Forslag {
    fn til_endring(
        self,
        vedtak: &Vedtak,
        klage: Option<String>,
        klasser: Klasser,
        now: Tid,
    ) -> Endring {
        let innhold = self.innhold.med_skjermet_fra(&vedtak.innhold, klasser);
        Endring {
            innhold: innhold.med_linje_id(),
            begrunnelse: self.begrunnelse,
            forfatter: self.av,
            tid: now,
            slutt: self.slutt,
            klage,
            opphor: None,
        }
    }
}

fn foresla(
    vedtak: &mut Vedtak,
    change: Endring,
    hendelse: &'static str,
    now: Tid,
) -> Result<Virkninger, Refusal> {
    if vedtak.forlop.endring.is_some() {
        return Err(Refusal::conflict(
            "en endring som venter på godkjenning (GodkjennEndring, OpphorVedtak eller AvvisEndring)",
        ));
    }
    vedtak.forlop.endring = Some(change);
    let mut out = Virkninger::new();
    let emne = vedtak.emne();
    out.hendelse(hendelse, &emne, myndigheten(vedtak));
    let due = kalender::arbeidsdager_etter(now, GODKJENNING_ARBEIDSDAGER);
    out.frist(FRIST_ENDRING, &emne, due, None, myndigheten(vedtak));
    Ok(out)
}

/// What may become the next version. What a klage or the statsforvalter leads
/// to needs no evaluation.
fn krev_ny_versjon(
    vedtak: &Vedtak,
    change: &Endring,
    nektet: &Nektet,
    now: Tid,
) -> Result<(), Refusal> {
    let innhold = &change.innhold;
    let revived = vedtak.er_avsluttet();
    innhold::krev_ikke_nektet(innhold, nektet)?;
    let own = Some(vedtak.innhold.hovedansvarlig.as_str());
    innhold::fullstendig(innhold, own)?;
    innhold::krev_fremover(&vedtak.innhold, innhold, Dag::av(now))?;
    if revived {
        krev_dager_igjen(innhold, Dag::av(now))?;
    } else {
        krev_linjeslutt(vedtak, change, Dag::av(now))?;
    }
    let since = vedtak.forlop.endret.as_ref().map(|change| change.tid);
    let since = since.or(vedtak.forlop.fattet.as_ref().map(|decision| decision.tid));
    let evaluated = vedtak
        .forlop
        .evalueringer
        .iter()
        .any(|evaluation| Some(evaluation.tid) >= since);
    let ordered = revived || change.klage.is_some() || skal_etterleves(vedtak);
    if vedtak.innhold.forlenges(innhold) && !evaluated && !ordered {
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

/// What comes into force again has days that are to come.
fn krev_dager_igjen(innhold: &Innhold, today: Dag) -> Result<(), Refusal> {
    let mut faults = FieldFaults::new();
    if innhold.siste_dag().is_some_and(|last| last < today) {
        faults.form(
            "vedtak.linjer",
            format_args!("minst én linje med til {today} eller senere"),
        );
    }
    faults.finish()
}

/// The statsforvalter has decided otherwise, and neither a version since nor
/// another vedtak carries it out.
pub(super) fn skal_etterleves(vedtak: &Vedtak) -> bool {
    let versjon = vedtak.forlop.innholdsversjon;
    let mut found = vedtak.forlop.klageutfall.iter();
    found.any(|found| found.venter(versjon))
}

/// Stands for the right to a dwelling where a line is named.
const BOLIG: &str = "bolig";

/// Each unit that is to deliver a line no more, or not as long, has a reason and
/// an alternative; nothing else has. So has who is to allocate a dwelling no more.
fn krev_linjeslutt(vedtak: &Vedtak, change: &Endring, today: Dag) -> Result<(), Refusal> {
    let as_long = |new: &Linje, old: &Linje| match (new.til, old.til) {
        (Some(new), Some(old)) => new >= old,
        (Some(_), None) => false,
        (None, _) => true,
    };
    let goes_on = |line: &Linje, unit: &String| {
        let mut after = change.innhold.linjer.iter().filter(|new| new.nr == line.nr);
        after.any(|new| new.type_ == line.type_ && new.enheter.contains(unit) && as_long(new, line))
    };
    let runs = |line: &&Linje| line.til.is_none_or(|til| til >= today);
    let housing = match (&vedtak.innhold.bolig, &change.innhold.bolig) {
        (Some(bolig), None) => Some((BOLIG, bolig.enhet.as_str())),
        _ => None,
    };
    let ends: Vec<(&str, &str)> = vedtak
        .innhold
        .linjer
        .iter()
        .filter(runs)
        .flat_map(|line| line.enheter.iter().map(move |unit| (line, unit)))
        .filter(|(line, unit)| !goes_on(line, unit))
        .map(|(line, unit)| (line.nr.as_str(), unit.as_str()))
        .chain(housing)
        .collect();
    let mut faults = FieldFaults::new();
    for (line, unit) in &ends {
        let said = |slutt: &Linjeslutt| slutt.linje_id == *line && slutt.enhet == *unit;
        if !change.slutt.iter().any(said) {
            faults.contradicts(
                "linjeslutt",
                "vedtak.linjer",
                format_args!(
                    "linje_id {line} avsluttes eller forkortes for {}; oppgi begrunnelse og alternativ",
                    navn::enhet(unit)
                ),
            );
        }
    }
    for (place, slutt) in change.slutt.iter().enumerate() {
        if !ends.contains(&(slutt.linje_id.as_str(), slutt.enhet.as_str())) {
            faults.contradicts(
                format!("linjeslutt[{place}].linje_id"),
                "vedtak.linjer",
                "endringen verken avslutter eller forkorter linjen for enheten",
            );
        }
    }
    faults.finish()
}

/// Most ends of one amendment: what one vedtak has of lines and units.
const MAKS_SLUTT: usize = 1000;

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
    nektet: &Nektet,
    myndighet: &Myndighet<'_>,
    av: &Aktor,
    now: Tid,
    new_id: impl FnMut() -> String,
) -> Result<NyVersjon, Refusal> {
    krev(&vedtak, "GodkjennEndring")?;
    let change = ta_endring(&mut vedtak)?;
    if change.opphor.is_some() {
        let allowed = ["OpphorVedtak", "AvvisEndring"];
        return Err(Refusal::transition("OPPHOR_FORESLATT", &allowed));
    }
    myndighet.krev_en_annen(av, [&change.forfatter])?;
    ny_versjon(
        vedtak,
        &change,
        uavsluttede,
        nektet,
        myndighet,
        (av, now),
        new_id,
    )
}

pub(super) fn ta_endring(vedtak: &mut Vedtak) -> Result<Endring, Refusal> {
    let none = || Refusal::transition("INGEN_ENDRING", &["EndreVedtak", "ForeslaOpphor"]);
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
    let out = uten_endring(&vedtak);
    Ok((vedtak, out))
}

fn uten_endring(vedtak: &Vedtak) -> Virkninger {
    let mut out = Virkninger::new();
    out.hendelse("EndringAvvist", &vedtak.emne(), myndigheten(vedtak));
    out.slett_frist(FRIST_ENDRING, &vedtak.name());
    out
}

fn svarer(vedtak: &Vedtak, klage: &str) -> bool {
    let waits = vedtak.forlop.endring.as_ref();
    waits.is_some_and(|change| change.klage.as_deref() == Some(klage))
}

/// Nothing waits that would grant the klage.
///
/// # Errors
/// `KONFLIKT` while it does: one employee does not undo what another proposed.
pub(crate) fn krev_ubesvart(vedtak: &Vedtak, klage: &str) -> Result<(), Refusal> {
    if svarer(vedtak, klage) {
        return Err(Refusal::conflict(
            "en endring som vil gi klagen medhold, og som venter på godkjenning \
             (GodkjennEndring eller AvvisEndring på vedtaket)",
        ));
    }
    Ok(())
}

/// The klage was taken back: what was proposed for it waits no more. None where
/// nothing was.
pub(crate) fn klage_trukket(mut vedtak: Vedtak, klage: &str) -> Option<(Vedtak, Virkninger)> {
    if !svarer(&vedtak, klage) {
        return None;
    }
    vedtak.forlop.endring = None;
    "klagen er trukket".clone_into(&mut vedtak.forlop.retur_begrunnelse);
    let out = uten_endring(&vedtak);
    Some((vedtak, out))
}

/// The next version takes force, in one step with its orders: those whose line
/// is gone end, those whose line changed follow it, and what is new is offered.
/// Nobody is without a responsible unit in between.
fn ny_versjon(
    mut vedtak: Vedtak,
    change: &Endring,
    uavsluttede: Vec<Oppdrag>,
    nektet: &Nektet,
    myndighet: &Myndighet<'_>,
    (av, now): (&Aktor, Tid),
    mut new_id: impl FnMut() -> String,
) -> Result<NyVersjon, Refusal> {
    krev_ny_versjon(&vedtak, change, nektet, now)?;
    innhold::krev_myndighet(&change.innhold, myndighet.funksjoner)?;
    let mut before = vedtak.clone();
    let revived = vedtak.er_avsluttet();
    let prolonged = before.innhold.forlenges(&change.innhold);
    vedtak.innhold = change.innhold.clone();
    vedtak.tilstand = Tilstand::Fattet;
    vedtak.forlop.avslutning = None;
    vedtak.forlop.innholdsversjon = before.forlop.innholdsversjon.saturating_add(1);
    vedtak.forlop.endret = Some(Endret {
        tid: now,
        av: av.clone(),
        begrunnelse: change.begrunnelse.clone(),
    });
    let forrige = (
        before.forlop.innholdsversjon,
        Utgave {
            innhold: before.innhold.clone(),
            endret: before.forlop.endret.take(),
            avslutning: before.forlop.avslutning.take(),
        },
    );
    if revived {
        // Nothing of it is delivered, so everything is ordered.
        before.innhold.linjer.clear();
        before.innhold.bolig = None;
    }

    let mut out = Virkninger::new();
    let (oppdrag, nye) = nye_ordrer(
        &before,
        &vedtak,
        (uavsluttede, &myndighet.korte),
        change,
        (av, now),
        &mut new_id,
        &mut out,
    );
    let ids = |facts: &[Faktum]| -> BTreeSet<String> {
        facts.iter().map(|fact| fact.id.clone()).collect()
    };
    // Where it was ended or granted nothing, nobody had anything by it.
    let had = if revived || !before.innhold.innvilger() {
        Vec::new()
    } else {
        before.fakta(Some(now))
    };
    let has = vedtak.fakta(None);
    let (had_ids, has_ids) = (ids(&had), ids(&has));
    let was_short = |order: &&Oppdrag| myndighet.korte.iter().any(|short| short.id == order.id);
    let overtatt: Vec<Oppdrag> = oppdrag.iter().filter(was_short).cloned().collect();
    let newly = nye.iter().chain(&overtatt);
    let newly: BTreeSet<&str> = newly.map(|order| order.enhet.as_str()).collect();
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
    let type_ = match (revived, prolonged) {
        (true, _) => "VedtakGjenopptatt",
        (false, true) => "VedtakFornyet",
        (false, false) => "VedtakEndret",
    };
    out.hendelse(type_, &vedtak.emne(), told);
    out.slett_frist(FRIST_ENDRING, &vedtak.name());
    out.slett_frist(FRIST_ETTERLEVELSE, &vedtak.name());
    out.slett_frist(FRIST_OPPFOLGING, &vedtak.name());
    frist_for_ny_underretning(&before, &mut vedtak, now, &mut out);
    frist_for_bolig(before.innhold.bolig.as_ref(), &vedtak, now, &mut out);
    if vedtak.innhold.utskrevet_fra_sykehus && !before.innhold.utskrevet_fra_sykehus {
        frist_for_revurdering(&mut vedtak, now, &mut out);
    }
    let vedtak = iverksatt_av(vedtak, &overtatt, now, &mut out);
    // Its recipients are stored with a deadline, and follow who is party.
    let same_ends = vedtak.innhold.slutter() == before.innhold.slutter();
    if revived || !same_ends || hoerer_om(&vedtak) != hoerer_om(&before) {
        frister_for_slutt(&vedtak, now, &mut out);
    }
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
    (uavsluttede, korte): (Vec<Oppdrag>, &[Oppdrag]),
    change: &Endring,
    (av, now): (&Aktor, Tid),
    new_id: &mut impl FnMut() -> String,
    out: &mut Virkninger,
) -> (Vec<Oppdrag>, Vec<Oppdrag>) {
    let line_of = |vedtak: &'_ Vedtak, nr: &str| {
        let mut lines = vedtak.innhold.linjer.iter();
        lines.find(|line| line.nr == nr).cloned()
    };
    let mut kept = BTreeSet::new();
    let mut declined = BTreeSet::new();
    let mut oppdrag = Vec::new();
    for order in uavsluttede {
        let line = line_of(after, &order.linje_id);
        let changed = line != line_of(before, &order.linje_id);
        let named = line.as_ref().filter(|line| {
            line.enheter.contains(&order.enhet) && line.type_ == order.innhold.bestilling.type_
        });
        let said = change
            .slutt
            .iter()
            .find(|slutt| slutt.linje_id == order.linje_id && slutt.enhet == order.enhet);
        match (named, order.er_apent()) {
            (Some(line), true) => {
                kept.insert((order.linje_id.clone(), order.enhet.clone()));
                let was = order.innhold.bestilling.til;
                let mut order = oppdrag::rules::endre(order, line, now, out);
                if order.innhold.bestilling.til != was {
                    order.innhold.planlagt_slutt = said.map(|said| oppdrag::Slutt {
                        arsak: Avslutningsarsak::Utlopt,
                        begrunnelse: said.begrunnelse.clone(),
                        alternativ: said.alternativ.clone(),
                    });
                }
                oppdrag.push(order);
            }
            (None, true) => {
                let end = oppdrag::Slutt {
                    arsak: Avslutningsarsak::AnnenTjeneste,
                    begrunnelse: said
                        .map_or(&change.begrunnelse, |said| &said.begrunnelse)
                        .clone(),
                    alternativ: said.map(|said| said.alternativ.clone()).unwrap_or_default(),
                };
                let by = Some(av.clone());
                oppdrag.push(oppdrag::rules::opphor(order, end, by, now, out));
            }
            // A declined order has found its place when its line is changed; as
            // long as it is not, the line is not offered to the same unit again.
            (_, false) if changed => {
                declined.insert((order.linje_id.clone(), order.enhet.clone()));
                out.slett_frist(oppdrag::FRIST_OMFORDELING, &order.name());
            }
            (_, false) => {
                kept.insert((order.linje_id.clone(), order.enhet.clone()));
            }
        }
    }
    let mut nye = Vec::new();
    for line in &after.innhold.linjer {
        let over = line.til.is_some_and(|til| til < Dag::av(now));
        let was = line_of(before, &line.nr);
        let was = was.filter(|was| was.type_ == line.type_);
        let longer = was.as_ref().is_some_and(|was| line.varer_lenger(was));
        for unit in line.enheter.iter().filter(|_| !over) {
            let part = (line.nr.clone(), unit.clone());
            // What its unit ended in agreement, or what has had its last day, is
            // ordered of it again only where the line lasts longer.
            let had = was.as_ref().is_some_and(|was| was.enheter.contains(unit));
            let ended = had && !longer && !declined.contains(&part);
            if ended || kept.contains(&part) {
                continue;
            }
            if let Some(short) = overtakelse::finn(korte, line, unit) {
                let short = short.clone();
                oppdrag.push(oppdrag::rules::overta(short, after, line, now, out));
                continue;
            }
            let order = oppdrag::rules::tilby(after, line, unit, new_id(), av, now, out);
            nye.push(order);
        }
    }
    (oppdrag, nye)
}
