//! What a mutation uses up in its own transaction: the id of its attestation,
//! and its `request_id`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message;
use ring::digest;
use samspor_proto::felles::Feilgrunn;
use uuid::Uuid;

use super::Tx;
use crate::{
    call::Call,
    error::{Error, FieldFaults, Refusal},
    params,
    tid::Tid,
};

/// How long an answer is kept for whoever repeats the request: over a long
/// weekend with some margin.
const KEPT: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// What a mutation will use up.
pub(super) struct Claim {
    attestation: String,
    expires: Tid,
    request: String,
    body: String,
}

/// What the database said to a [`Claim`].
pub(super) enum Claimed {
    /// Nobody was here before.
    New,
    /// The same request was answered before.
    Answered { svar: String, fakta_nr: i64 },
}

impl Claim {
    /// # Errors
    /// UGYLDIG_FORESPORSEL when `request_id` is no UUID,
    /// MANGLER_ATTESTASJON when the call has none.
    pub(super) fn new(call: &Call, request_id: &str) -> Result<Self, Refusal> {
        let mut faults = FieldFaults::new();
        if request_id.is_empty() {
            faults.missing("request_id");
        } else if Uuid::try_parse(request_id).is_err() {
            faults.form("request_id", "UUID");
        }
        faults.finish()?;
        if call.jti().is_empty() {
            return Err(Refusal::new(Feilgrunn::ManglerAttestasjon));
        }
        Ok(Self {
            attestation: format!("j/{}", call.jti()),
            expires: Tid(call.utloper()),
            request: format!("r/{}", scope(call, request_id)),
            body: BASE64_STANDARD.encode(call.innholdssum()),
        })
    }

    /// Uses both up. On PostgreSQL a concurrent transaction with the same
    /// request waits here until the first has answered.
    pub(super) async fn take(&self, tx: &mut Tx) -> Result<Claimed, Error> {
        let kept_until = tx.now().plus(KEPT);
        let inserted = tx
            .execute(
                "INSERT INTO chassis_brukt (nokkel, innholdssum, fakta_nr, utloper) \
                 VALUES ($1, '', 0, $2), ($3, $4, 0, $5) ON CONFLICT (nokkel) DO NOTHING",
                params![
                    self.attestation.as_str(),
                    self.expires,
                    self.request.as_str(),
                    self.body.as_str(),
                    kept_until
                ],
            )
            .await?;
        if inserted == 2 {
            return Ok(Claimed::New);
        }
        let earlier: Option<(String, Option<String>, i64)> = tx
            .one(
                "SELECT innholdssum, svar, fakta_nr FROM chassis_brukt WHERE nokkel = $1",
                params![self.request.as_str()],
            )
            .await?;
        // Without an answer the request row is the one just inserted, so the
        // attestation was the one used before.
        match earlier {
            Some((body, Some(svar), fakta_nr)) if inserted == 1 => {
                if body == self.body {
                    Ok(Claimed::Answered { svar, fakta_nr })
                } else {
                    Err(Refusal::new(Feilgrunn::RequestIdGjenbrukt).into())
                }
            }
            _ => Err(Refusal::new(Feilgrunn::ManglerAttestasjon).into()),
        }
    }

    /// Keeps the answer for whoever repeats the request.
    pub(super) async fn answer(
        &self,
        tx: &mut Tx,
        svar: &impl Message,
        fakta_nr: i64,
    ) -> Result<(), Error> {
        tx.execute(
            "UPDATE chassis_brukt SET svar = $2, fakta_nr = $3 WHERE nokkel = $1",
            params![
                self.request.as_str(),
                BASE64_STANDARD.encode(svar.encode_to_vec()),
                fakta_nr
            ],
        )
        .await?;
        Ok(())
    }
}

/// A stored answer.
pub(super) fn decode<R: Message + Default>(svar: &str) -> Result<R, Error> {
    let bytes = BASE64_STANDARD.decode(svar).map_err(Error::internal)?;
    R::decode(bytes.as_slice()).map_err(Error::internal)
}

/// Digest of whose request it is: the same `request_id` of another employee,
/// or to another method, is another request.
fn scope(call: &Call, request_id: &str) -> String {
    let mut digest = digest::Context::new(&digest::SHA256);
    for part in [
        call.actor.enhet.as_str(),
        call.actor.ansatt.as_str(),
        call.actor.person.as_deref().unwrap_or_default(),
        call.metode(),
        request_id,
    ] {
        digest.update(&part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    BASE64_STANDARD.encode(digest.finish())
}

/// Forgets what has expired, a little at a time. Gives how many rows it was.
pub(super) async fn purge(tx: &mut Tx) -> Result<u64, Error> {
    let now = tx.now();
    tx.execute(
        "DELETE FROM chassis_brukt WHERE nokkel IN \
         (SELECT nokkel FROM chassis_brukt WHERE utloper <= $1 LIMIT 1000)",
        params![now],
    )
    .await
}
