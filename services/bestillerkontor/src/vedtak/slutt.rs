//! The end of a vedtak: by a decision, or by its last day.

use samspor_chassis::{
    domene::{Aktor, Virkninger, felt},
    error::{FieldFaults, Refusal},
    tid::Tid,
};
use samspor_proto::bestillerkontor::{Avslutningsarsak, ForeslaOpphorRequest};

use super::{
    Avslutning, FRIST_BOLIG, FRIST_ENDRING, FRIST_ETTERLEVELSE, FRIST_EVALUERING,
    FRIST_HOVEDANSVAR, FRIST_OPPFOLGING, FRIST_REVURDERING, FRIST_UNDERRETNING, FRIST_UTLOP,
    Opphor, Tilstand, Underretning, Vedtak,
    endring::{skal_etterleves, ta_endring},
    innhold,
    rules::{I_KRAFT, Myndighet, hoerer_om, klagefrist, krev},
};
use crate::oppdrag::{self, Oppdrag};

/// Reads why a vedtak is to be ended.
pub(crate) fn les_opphor(
    request: &ForeslaOpphorRequest,
    av: Aktor,
    faults: &mut FieldFaults,
) -> Opphor {
    Opphor {
        av,
        begrunnelse: felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, faults),
        hjemmel: felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", faults),
        alternativ: felt::pakrevd(&request.alternativ, "alternativ", felt::LANG, faults),
        varsel: String::new(),
    }
}

/// A vedtak that is no longer in force.
#[derive(Debug)]
pub(crate) struct Avsluttet {
    pub(crate) vedtak: Vedtak,
    /// Its open orders, ended.
    pub(crate) oppdrag: Vec<Oppdrag>,
    pub(crate) virkninger: Virkninger,
}

/// Decides the proposal to end a vedtak. `varsel`: how the person was told.
///
/// # Errors
/// `IKKE_TILLATT` (W4) for who proposed it, `UGYLDIG_FORESPORSEL` for a line
/// that is another's to decide, `UGYLDIG_OVERGANG` without a proposal.
pub(crate) fn opphor(
    mut vedtak: Vedtak,
    uavsluttede: Vec<Oppdrag>,
    varsel: String,
    myndighet: &Myndighet<'_>,
    av: &Aktor,
    now: Tid,
) -> Result<Avsluttet, Refusal> {
    krev(&vedtak, "OpphorVedtak")?;
    let change = ta_endring(&mut vedtak)?;
    let Some(proposed) = change.opphor else {
        let allowed = ["GodkjennEndring", "AvvisEndring"];
        return Err(Refusal::transition("ENDRING_FORESLATT", &allowed));
    };
    myndighet.krev_en_annen(av, [&change.forfatter])?;
    innhold::krev_myndighet(&vedtak.innhold, myndighet.funksjoner)?;
    let opphor = Opphor {
        av: av.clone(),
        varsel,
        ..proposed
    };
    Ok(avslutt_ved_vedtak(vedtak, uavsluttede, opphor, now))
}

/// Ends a vedtak as it was decided.
pub(crate) fn avslutt_ved_vedtak(
    mut vedtak: Vedtak,
    uavsluttede: Vec<Oppdrag>,
    opphor: Opphor,
    now: Tid,
) -> Avsluttet {
    vedtak.tilstand = Tilstand::Opphort;
    // The notice of the end is a notice too: it can be disputed for as long.
    vedtak.forlop.underretning = Some(Underretning {
        tid: now,
        mate: opphor.varsel.clone(),
        klagefrist: klagefrist(now),
        versjon: vedtak.forlop.innholdsversjon,
        etterregistrert_grunn: String::new(),
    });
    avslutt(vedtak, uavsluttede, Some(opphor), "VedtakOpphort", now)
}

/// The last day has passed. None when the vedtak is not in force, or says
/// another last day than the deadline did.
pub(crate) fn utlop(mut vedtak: Vedtak, uavsluttede: Vec<Oppdrag>, now: Tid) -> Option<Avsluttet> {
    let passed = vedtak.innhold.siste_dag()?.slutt() <= now;
    if !passed || !I_KRAFT.contains(&vedtak.tilstand) {
        return None;
    }
    vedtak.tilstand = Tilstand::Utlopt;
    Some(avslutt(vedtak, uavsluttede, None, "VedtakUtlopt", now))
}

/// Until when the unit keeps the case: for as long as the person can dispute what
/// was told, which is open where the person was not told yet. So it is while
/// what the statsforvalter decided is not carried out.
pub(super) fn sak_til(vedtak: &Vedtak, now: Tid) -> Option<Tid> {
    let told = vedtak.forlop.underretning.as_ref();
    let told = told.filter(|_| vedtak.er_underrettet());
    told.filter(|_| !skal_etterleves(vedtak))
        .map(|told| told.klagefrist.slutt().max(now))
}

fn avslutt(
    mut vedtak: Vedtak,
    uavsluttede: Vec<Oppdrag>,
    vedtatt: Option<Opphor>,
    hendelse: &'static str,
    now: Tid,
) -> Avsluttet {
    let av = vedtatt.as_ref().map(|opphor| opphor.av.clone());
    let end = vedtatt.as_ref().map(|opphor| oppdrag::Slutt {
        arsak: Avslutningsarsak::VedtakOpphort,
        begrunnelse: opphor.begrunnelse.clone(),
        alternativ: opphor.alternativ.clone(),
    });
    vedtak.forlop.avslutning = Some(Avslutning { tid: now, vedtatt });
    let mut out = Virkninger::new();
    out.hendelse(hendelse, &vedtak.emne(), hoerer_om(&vedtak));
    let mut facts = vedtak.fakta(Some(now));
    let case = vedtak.sak(sak_til(&vedtak, now));
    facts.retain(|fact| !case.iter().any(|kept| kept.id == fact.id));
    out.fakta.extend(facts.into_iter().chain(case));
    // Its end does not take away what the statsforvalter decided, nor its last day
    // what else is owed to the person: to be told, and what a klage led to.
    let owed = |holds: bool| holds && av.is_none();
    let must_follow = skal_etterleves(&vedtak);
    let answers = vedtak.forlop.endring.as_ref();
    let answers = owed(answers.is_some_and(|change| change.klage.is_some()));
    if !owed(!vedtak.er_underrettet()) {
        out.slett_frist(FRIST_UNDERRETNING, &vedtak.name());
    }
    if !must_follow {
        out.slett_frist(FRIST_ETTERLEVELSE, &vedtak.name());
    }
    if !must_follow && !answers {
        vedtak.forlop.endring = None;
    }
    if vedtak.forlop.endring.is_none() {
        out.slett_frist(FRIST_ENDRING, &vedtak.name());
    }
    for kind in [
        FRIST_UTLOP,
        FRIST_EVALUERING,
        FRIST_REVURDERING,
        FRIST_HOVEDANSVAR,
        FRIST_OPPFOLGING,
        FRIST_BOLIG,
    ] {
        out.slett_frist(kind, &vedtak.name());
    }
    let (apne, declined): (Vec<_>, Vec<_>) = uavsluttede.into_iter().partition(Oppdrag::er_apent);
    for order in declined {
        out.slett_frist(oppdrag::FRIST_OMFORDELING, &order.name());
    }
    let oppdrag = apne
        .into_iter()
        .map(|order| {
            let end = end.clone().unwrap_or_else(|| order.innhold.ved_utlop());
            oppdrag::rules::opphor(order, end, av.clone(), now, &mut out)
        })
        .collect();
    Avsluttet {
        vedtak,
        oppdrag,
        virkninger: out,
    }
}
