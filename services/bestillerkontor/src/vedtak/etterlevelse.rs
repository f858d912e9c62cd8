//! What the statsforvalter decided is carried out by the next version of the
//! vedtak, or by another vedtak or the end of this one, which somebody then
//! says, and another than who decided it. Until then the clock runs.

use samspor_chassis::{
    domene::{Aktor, Dag, Virkninger, felt, navn},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::bestillerkontor::{MeldEtterlevelseRequest, MeldEtterlevelseResponse};
use serde::{Deserialize, Serialize};

use super::{
    FRIST_ETTERLEVELSE, SAMLING, Tilstand, Vedtak,
    rpc::les_versjon,
    rules::{I_KRAFT, Myndighet, hoerer_om, krev},
    slutt::sak_til,
    store,
};
use crate::innboks;

/// How it was carried out, where that is not by the next version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Etterlevelse {
    pub(crate) tid: Tid,
    pub(crate) av: Aktor,
    /// Id of the vedtak that meets it.
    pub(crate) vedtak: String,
    pub(crate) begrunnelse: String,
}

/// Says that `ved` meets what the statsforvalter decided on `vedtak`.
///
/// # Errors
/// `UGYLDIG_OVERGANG` where nothing is to be carried out, `IKKE_TILLATT` (W4) for
/// who decided, `KONFLIKT` while an amendment waits, `UGYLDIG_FORESPORSEL` for a
/// vedtak that is not in force, or says the same as before.
pub(crate) fn meld(
    mut vedtak: Vedtak,
    ved: &Vedtak,
    begrunnelse: String,
    myndighet: &Myndighet<'_>,
    av: &Aktor,
    now: Tid,
) -> Result<(Vedtak, Virkninger), Refusal> {
    krev(&vedtak, "MeldEtterlevelse")?;
    let versjon = vedtak.forlop.innholdsversjon;
    let found = vedtak.forlop.klageutfall.iter();
    let waits = found.filter(|found| found.venter(versjon));
    let Some(decided) = waits.map(|found| found.tid).max() else {
        return Err(Refusal::transition(vedtak.tilstand.kode(), &[]));
    };
    myndighet.krev_en_annen(av, vedtak.besluttet_av())?;
    if vedtak.forlop.endring.is_some() {
        return Err(Refusal::conflict(
            "en endring som venter på godkjenning (GodkjennEndring, OpphorVedtak eller AvvisEndring)",
        ));
    }
    let name = vedtak.name();
    let since = if ved.id == vedtak.id {
        let ended = ved.forlop.avslutning.as_ref();
        ended
            .filter(|_| ved.tilstand == Tilstand::Opphort)
            .map(|end| end.tid)
    } else {
        let changed = ved.forlop.endret.as_ref().map(|change| change.tid);
        changed
            .or(ved.forlop.fattet.as_ref().map(|decision| decision.tid))
            .filter(|_| I_KRAFT.contains(&ved.tilstand))
    };
    let mut faults = FieldFaults::new();
    if since.is_none_or(|since| since < decided) {
        faults.contradicts(
            "vedtak",
            "klageutfall",
            format_args!(
                "et annet vedtak i kraft som er fattet eller endret etter avgjørelsen {}, eller \
                 {name} selv når det er opphørt etter den; ellers endre det (EndreVedtak)",
                Dag::av(decided)
            ),
        );
    }
    faults.finish()?;
    let met = Etterlevelse {
        tid: now,
        av: av.clone(),
        vedtak: ved.id.clone(),
        begrunnelse,
    };
    let found = vedtak.forlop.klageutfall.iter_mut();
    for found in found.filter(|found| found.venter(versjon)) {
        found.etterlevd = Some(met.clone());
    }
    let mut out = Virkninger::new();
    out.hendelse("KlageutfallEtterlevd", &vedtak.emne(), hoerer_om(&vedtak));
    out.slett_frist(FRIST_ETTERLEVELSE, &name);
    if vedtak.er_avsluttet() || !vedtak.innhold.innvilger() {
        out.fakta = vedtak.sak(sak_til(&vedtak, now));
    }
    Ok((vedtak, out))
}

pub(crate) async fn meld_etterlevelse(
    tx: &mut Tx,
    request: MeldEtterlevelseRequest,
) -> Result<MeldEtterlevelseResponse, Error> {
    let mut faults = FieldFaults::new();
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let (owner, ved) = navn::les_post(&request.vedtak, SAMLING, "vedtak", &mut faults);
    let vedtak = les_versjon(tx, &request.name, &request.etag, faults).await?;
    if owner != vedtak.person {
        return Err(Refusal::not_found().into());
    }
    let ved = store::hent(tx, &owner, &ved).await?;
    let av = Aktor::from(&tx.call().actor);
    let funksjoner = tx.call().funksjoner.clone();
    let myndighet = Myndighet::alene(&funksjoner);
    let (mut vedtak, virkninger) = meld(vedtak, &ved, begrunnelse, &myndighet, &av, tx.now())?;
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(MeldEtterlevelseResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}
