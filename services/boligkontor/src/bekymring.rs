//! Bekymring: what a caretaker is worried about, told to those who follow the
//! tenant up.
//!
//! MOTTATT → BEKREFTET. Invariants: it goes one way, and what is answered is the
//! same whether or not somebody lives there; the units that follow the tenant up
//! have it, the first of them answers for it, and one that nobody sees to alerts
//! them; where nobody follows the tenant up, who allocated the dwelling has it, or
//! who finds a bed for somebody without one, and the office hears whether they
//! see to it; where nobody lives, the office sees
//! to the dwelling.

use samspor_chassis::{
    domene::{
        Aktor, Dag, Virkninger,
        felles::{Hvem, Relasjon},
        felt, kalender, navn,
    },
    error::{Error, FieldFaults, Refusal},
    lager::{self, Post},
    params,
    store::Tx,
    tabell,
    tid::Tid,
};
use samspor_proto::{
    boligkontor::{
        self as proto, BekreftBekymringRequest, BekreftBekymringResponse, BekymringTilstand,
        Hastegrad, HentBekymringRequest, HentBekymringResponse, ListBekymringerRequest,
        ListBekymringerResponse, MeldBekymringRequest, MeldBekymringResponse,
    },
    felles::{Faktum, Faktumtype, Feilgrunn, Kvittering},
};
use serde::{Deserialize, Serialize};

use crate::{
    ENHET, arbeidsordre, bolig,
    innstillinger::{Innstillinger, innstillinger},
    leieforhold::Leieforhold,
    restansesak::rpc::MIDLERTIDIG,
};

/// Deadline: a unit says what it does.
pub(crate) const FRIST: &str = "bekymring";

/// What a concern says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bekymring {
    /// Name of the tenancy.
    leieforhold: String,
    innhold: String,
    meldt: (Tid, Aktor),
    /// Ids of the units that were told; the first answers for it.
    enheter: Vec<String>,
    frist: Tid,
    /// When, who and what it does.
    bekreftet: Option<(Tid, Aktor, String)>,
}

impl lager::Innhold for Bekymring {
    const SAMLING: &'static str = "bekymringer";
    const SQL: &'static lager::Sql = tabell!("bekymring");

    fn apen(&self) -> bool {
        self.bekreftet.is_none()
    }

    fn frist(&self) -> Option<Tid> {
        Some(self.frist)
    }

    fn fra(&self) -> Tid {
        self.meldt.0
    }
}

/// What access rules build on: the units that were told are parties, until what
/// one of them does has been seen to.
fn fakta(post: &Post<Bekymring>, innstillinger: &Innstillinger) -> Vec<Faktum> {
    let Bekymring {
        meldt,
        enheter,
        bekreftet,
        ..
    } = &post.innhold;
    let days = i32::from(innstillinger.oppgjor_dager);
    let til = bekreftet
        .as_ref()
        .map(|(at, ..)| Dag::av(*at).pluss_dager(days).slutt());
    let party = |unit: &String| {
        Relasjon {
            id: format!("bekymring/{}/{unit}", post.id),
            subjekt: &post.person,
            part: Hvem::Enhet(unit),
            type_: Faktumtype::PartIBolig,
            post: post.name(),
            fra: meldt.0,
            til,
            opprettet_av: &meldt.1.ansatt,
        }
        .faktum()
    };
    enheter.iter().map(party).collect()
}

fn to_proto(post: &Post<Bekymring>) -> proto::Bekymring {
    let Bekymring {
        leieforhold,
        innhold,
        meldt,
        enheter,
        frist,
        bekreftet,
    } = post.innhold.clone();
    let state = match bekreftet {
        None => BekymringTilstand::Mottatt,
        Some(_) => BekymringTilstand::Bekreftet,
    };
    proto::Bekymring {
        name: post.name(),
        etag: post.etag(),
        ansvarlig_enhet: navn::enhet(&post.enhet),
        tilstand: state.into(),
        leieforhold,
        innhold,
        meldt: Some(meldt.0.into()),
        meldt_av: Some(meldt.1.to_proto()),
        enheter: enheter.iter().map(|unit| navn::enhet(unit)).collect(),
        frist: Some(frist.into()),
        bekreftet: bekreftet.as_ref().map(|(at, ..)| (*at).into()),
        bekreftet_av: bekreftet.as_ref().map(|(_, who, _)| who.to_proto()),
        tiltak: bekreftet.map(|(.., what)| what).unwrap_or_default(),
        skjerming: None,
    }
}

/// The tenancy that has the dwelling, where one has.
async fn leietaker(tx: &mut Tx, bolig: &str) -> Result<Option<Post<Leieforhold>>, Error> {
    let row: Option<(String, String)> = tx
        .one(
            "SELECT person, id FROM leieforhold WHERE nokkel = $1 AND tilstand = 'APEN'",
            params![bolig],
        )
        .await?;
    match row {
        None => Ok(None),
        Some((person, id)) => lager::hent(tx, &person, &id).await.map(Some),
    }
}

pub(crate) async fn meld(
    tx: &mut Tx,
    request: MeldBekymringRequest,
) -> Result<MeldBekymringResponse, Error> {
    let mut faults = FieldFaults::new();
    let dwelling = bolig::rpc::les_navn(&request.name, "name", &mut faults);
    let said = felt::pakrevd(&request.innhold, "innhold", felt::LANG, &mut faults);
    faults.finish()?;
    let dwelling = bolig::store::hent_for_endring(tx, &dwelling).await?;
    let referanse = if let Some(tenancy) = leietaker(tx, &dwelling.id).await? {
        om_leietaker(tx, &tenancy, said).await?
    } else {
        arbeidsordre::rpc::feil_i(tx, &dwelling.id, Hastegrad::Haster, said)
            .await?
            .id
    };
    Ok(MeldBekymringResponse {
        kvittering: Some(Kvittering {
            referanse,
            mottatt: Some(tx.now().into()),
        }),
    })
}

/// Who gets a concern: who follows the tenant up, else who allocated the
/// dwelling. Never the office whose caretaker told, which would read it back
/// (N3): where nobody else is left, who finds a bed for somebody without one.
fn adressater(leieforhold: &Leieforhold, botilbud: Option<&Vec<String>>) -> Vec<String> {
    let Leieforhold {
        oppfolgere,
        tildelt_av,
        ..
    } = leieforhold;
    let others = |units: &[String]| -> Vec<String> {
        let others = units.iter().filter(|unit| *unit != ENHET);
        others.cloned().collect()
    };
    let mut found = others(oppfolgere);
    if found.is_empty() {
        found = others(std::slice::from_ref(tildelt_av));
    }
    if found.is_empty() {
        found = others(botilbud.map_or(&[], Vec::as_slice));
        found.truncate(1);
    }
    if found.is_empty() {
        // Somebody answers for it.
        found.push(ENHET.to_owned());
    }
    found
}

/// Who hears that nobody saw to it: the units that were told. One that does not
/// follow the tenant up may be one that the tenant is hidden from: then the office
/// too, which let the dwelling and hears that, not what was told.
fn varslede(leieforhold: &Leieforhold, enheter: &[String]) -> Vec<String> {
    let mut alerted = enheter.to_owned();
    let follows = |unit: &String| leieforhold.oppfolgere.contains(unit);
    if !alerted.iter().any(follows) && !alerted.iter().any(|unit| unit == ENHET) {
        alerted.push(ENHET.to_owned());
    }
    alerted
}

async fn om_leietaker(
    tx: &mut Tx,
    tenancy: &Post<Leieforhold>,
    said: String,
) -> Result<String, Error> {
    let settings = innstillinger()?;
    let (now, av) = (tx.now(), Aktor::from(&tx.call().actor));
    let enheter = adressater(&tenancy.innhold, tx.call().boligtildelere.get(MIDLERTIDIG));
    let owner = enheter.first().cloned().unwrap_or_default();
    let told = Bekymring {
        leieforhold: tenancy.name(),
        innhold: said,
        meldt: (now, av),
        frist: kalender::arbeidsdager_etter(now, settings.bekymring_svar_arbeidsdager),
        enheter,
        bekreftet: None,
    };
    let post = Post::ny(&owner, tenancy.person.clone(), tx.new_id(), told);
    lager::legg_til(tx, &post).await?;
    let mut out = Virkninger::new();
    let (emne, units) = (post.emne(), post.innhold.enheter.clone());
    out.hendelse("BekymringMottatt", &emne, units.clone());
    let alerted = varslede(&tenancy.innhold, &units);
    out.frist(FRIST, &emne, post.innhold.frist, None, alerted);
    out.fakta = fakta(&post, settings);
    out.utfor(tx);
    Ok(post.id)
}

pub(crate) async fn bekreft(
    tx: &mut Tx,
    request: BekreftBekymringRequest,
) -> Result<BekreftBekymringResponse, Error> {
    let av = Aktor::from(&tx.call().actor);
    let mut faults = FieldFaults::new();
    let tiltak = felt::pakrevd(&request.tiltak, "tiltak", felt::LANG, &mut faults);
    let mut post: Post<Bekymring> = lager::hent_for_endring(tx, &request.name, faults).await?;
    if !post.innhold.enheter.contains(&av.enhet) {
        return Err(Refusal::new(Feilgrunn::IkkeTillatt)
            .with("regel", "W5")
            .with(
                "rad",
                "Bare enhetene som bekymringen er meldt til, bekrefter den.",
            )
            .into());
    }
    if post.innhold.bekreftet.is_some() {
        return Err(Refusal::transition("BEKREFTET", &[]).into());
    }
    post.innhold.bekreftet = Some((tx.now(), av, tiltak));
    lager::lagre(tx, &mut post).await?;
    let mut out = Virkninger::new();
    let units = post.innhold.enheter.clone();
    out.hendelse("BekymringBekreftet", &post.emne(), units);
    out.slett_frist(FRIST, &post.name());
    out.fakta = fakta(&post, innstillinger()?);
    out.utfor(tx);
    Ok(BekreftBekymringResponse {
        bekymring: Some(to_proto(&post)),
    })
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentBekymringRequest,
) -> Result<HentBekymringResponse, Error> {
    let post: Post<Bekymring> = lager::les_navngitt(tx, &request.name).await?;
    Ok(HentBekymringResponse {
        bekymring: Some(to_proto(&post)),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListBekymringerRequest,
) -> Result<ListBekymringerResponse, Error> {
    let (all, next_page_token) =
        lager::personens::<Bekymring>(tx, &request.parent, request.page_size, &request.page_token)
            .await?;
    Ok(ListBekymringerResponse {
        bekymringer: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}
