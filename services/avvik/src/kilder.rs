//! Avvik that nobody has to report: what a service tells of that must not be
//! left. A new source is a line in [`KILDER`].
//!
//! The koordinerende enhet stands as the reporter, so that no unit closes what it
//! broke itself without telling anybody (I6), and the unit that answers for the
//! record is proposed the part. One cause is one avvik, however often it is told
//! of: a new one only when the last has ended. What concerns a person who is
//! hidden is not told here; the mandated units hear of it themselves.

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{domene::Aktor, error::Error, feeds::Consumer, params, store::Tx, tid::Tid};
use samspor_proto::{
    avvik::{Alvorlighet, Avvikskategori, Avvikskilde},
    hendelse::Hendelse,
};

use crate::{
    avvik::{Sak, store},
    detalj::Detalj,
    innmelding::{self, Ny},
    innstillinger::innstillinger,
};

/// Unit as which the service listens.
const ENHET: &str = samspor_chassis::deadlines::AVVIK;

/// What of one service raises an avvik.
struct Kilde {
    /// Service.
    fra: &'static str,
    /// Type of the event.
    hendelse: &'static str,
    /// Collection of the record that it is about; empty: any other.
    samling: &'static str,
    kategori: Avvikskategori,
    underkategori: &'static str,
    alvorlighet: Alvorlighet,
    /// What the parties read; names nobody.
    sammendrag: &'static str,
}

const fn kilde(
    (fra, hendelse, samling): (&'static str, &'static str, &'static str),
    (kategori, underkategori): (Avvikskategori, &'static str),
    alvorlighet: Alvorlighet,
    sammendrag: &'static str,
) -> Kilde {
    Kilde {
        fra,
        hendelse,
        samling,
        kategori,
        underkategori,
        alvorlighet,
        sammendrag,
    }
}

/// In this order: the first that fits.
#[rustfmt::skip]
const KILDER: &[Kilde] = {
    use Alvorlighet::{Alvorlig, Kritisk, Lav, Moderat};
    use Avvikskategori::{Bolig, Fag, Personvern, Samhandling};
    &[
        kilde(("nav", "BotilbudIkkeKlart", ""), (Bolig, "ingen_bolig"), Kritisk, "Et behov for et sted å sove i natt ble ikke møtt."),
        kilde(("nav", "FristBrutt", "botilbud"), (Bolig, "ingen_bolig"), Kritisk, "Et behov for et sted å sove fikk ikke svar i tide."),
        kilde(("nav", "OppholdOverTreManeder", ""), (Bolig, "midlertidig_over_tre_maneder"), Alvorlig, "Et midlertidig opphold har vart i over tre måneder."),
        kilde(("gateway", "NodtilgangIkkeGjennomgatt", ""), (Personvern, "uberettiget_oppslag"), Alvorlig, "En nødtilgang er ikke gjennomgått innen fristen."),
        kilde(("bestillerkontor", "FristBrutt", "oppdrag"), (Samhandling, "uten_svar"), Alvorlig, "Et oppdrag har ikke fått svar innen fristen."),
        kilde(("bestillerkontor", "FristBrutt", "vedtak"), (Fag, "vedtak_ikke_iverksatt"), Alvorlig, "En frist i et vedtak er brutt."),
        kilde(("bestillerkontor", "FristBrutt", ""), (Fag, "manglende_oppfolging"), Moderat, "En frist er brutt."),
        kilde(("rop", "FristBrutt", ""), (Fag, "manglende_oppfolging"), Moderat, "En frist er brutt."),
        kilde(("nav", "FristBrutt", ""), (Fag, "manglende_oppfolging"), Moderat, "En frist er brutt."),
        kilde(("koordinering", "FristBrutt", ""), (Samhandling, "uten_svar"), Moderat, "En frist er brutt."),
        kilde(("boligkontor", "FristBrutt", "arbeidsordrer"), (Bolig, "standard"), Lav, "En feil i en bolig er ikke rettet innen fristen."),
        kilde(("boligkontor", "FristBrutt", ""), (Bolig, "annet"), Moderat, "En frist er brutt."),
    ]
};

/// `personer/{person}/botilbud/{id}` → `botilbud`.
fn samling(post: &str) -> &str {
    post.rsplit('/').nth(1).unwrap_or_default()
}

fn finn(fra: &str, hendelse: &Hendelse) -> Option<&'static Kilde> {
    let about = samling(&hendelse.post);
    KILDER.iter().find(|kilde| {
        kilde.fra == fra
            && kilde.hendelse == hendelse.r#type
            && (kilde.samling.is_empty() || kilde.samling == about)
    })
}

macro_rules! lyttere {
    ($($name:ident: $fra:literal),* $(,)?) => {
        /// Who is listened to.
        pub(crate) fn lyttere() -> Vec<Consumer> {
            $(fn $name(tx: &mut Tx, hendelse: Hendelse) -> BoxFuture<'_, Result<(), Error>> {
                reis(tx, $fra, hendelse).boxed()
            })*
            vec![$(Consumer { from: $fra, enhet: ENHET, apply: $name }),*]
        }
    };
}

lyttere! {
    bestillerkontor: "bestillerkontor",
    rop: "rop",
    nav: "nav",
    boligkontor: "boligkontor",
    koordinering: "koordinering",
    gateway: "gateway",
}

/// Whether an avvik of a cause goes on, itself or as the one that it is a
/// duplicate of.
async fn er_reist(tx: &mut Tx, arsak: &str) -> Result<bool, Error> {
    let known: Vec<(String,)> = tx
        .all(
            "SELECT avvik FROM avvikskilde WHERE arsak = $1",
            params![arsak],
        )
        .await?;
    for (id,) in known {
        let mut avvik = store::hent(tx, &id).await?;
        // A duplicate names one that was none then, so that they end.
        while !avvik.innhold.duplikat_av.is_empty() {
            avvik = store::hent(tx, &avvik.innhold.duplikat_av).await?;
        }
        if avvik.apent() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Raises an avvik of what an event tells, unless one of it is open.
pub(crate) async fn reis(tx: &mut Tx, fra: &'static str, hendelse: Hendelse) -> Result<(), Error> {
    let Some(kilde) = finn(fra, &hendelse) else {
        return Ok(());
    };
    let Some(eier) = hendelse.eier.strip_prefix("enheter/") else {
        return Ok(());
    };
    let arsak = format!("{fra}/{}/{}", kilde.hendelse, hendelse.post);
    if er_reist(tx, &arsak).await? {
        return Ok(());
    }
    let when = hendelse.tid.and_then(|at| Tid::try_from(at).ok());
    let trace = hendelse.traceparent.split('-').nth(1).unwrap_or_default();
    let sak = Sak {
        kategori: kilde.kategori,
        underkategori: kilde.underkategori.to_owned(),
        kilde: Avvikskilde::Hendelse,
        anonym: false,
        hendt: when.unwrap_or(tx.now()),
        sammendrag: kilde.sammendrag.to_owned(),
        alvorlighet: kilde.alvorlighet,
        svar: Vec::new(),
        spor: [trace]
            .into_iter()
            .filter(|id| !id.is_empty())
            .map(ToOwned::to_owned)
            .collect(),
    };
    let person = hendelse
        .post
        .strip_prefix("personer/")
        .and_then(|rest| rest.split('/').next());
    let melder = innstillinger()?.melder_enhet.clone();
    let detalj = Detalj {
        fritekst: String::new(),
        helse: String::new(),
        sted: String::new(),
        person: person
            .map(|id| format!("personer/{id}"))
            .unwrap_or_default(),
        poster: vec![hendelse.post.clone()],
        melder: Aktor {
            enhet: melder.clone(),
            ..Aktor::from(&tx.call().actor)
        },
        svar_tredjepart: Vec::new(),
        svar_helse: Vec::new(),
    };
    let new = Ny {
        id: tx.new_person_id(),
        sak,
        melder_enhet: melder,
        meldt: tx.now(),
        enheter: vec![eier.to_owned()],
        detalj,
    };
    let avvik = innmelding::opprett(tx, new, &[]).await?;
    tx.execute(
        "INSERT INTO avvikskilde (arsak, avvik) VALUES ($1, $2)",
        params![arsak.as_str(), avvik.id.as_str()],
    )
    .await?;
    Ok(())
}

/// Categories of all sources.
#[cfg(test)]
pub(crate) fn kategorier() -> impl Iterator<Item = (Avvikskategori, &'static str)> {
    KILDER
        .iter()
        .map(|kilde| (kilde.kategori, kilde.underkategori))
}
