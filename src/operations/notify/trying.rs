//! Whether a receiver can be told: a message that is sent now, outside of any outbox.

use anyhow::{Result, anyhow};

use super::gateway::test_notice;
use super::letters::{Told, letters};
use super::receiver::{Carrier, Receiver};
use crate::config::Config;
use crate::operations::{Outgoing, Refusal};

/// Sends a receiver a message that says that nothing is wrong; what came back.
///
/// # Errors
/// It did not arrive, and why.
pub fn try_receiver(config: &Config, receiver: &Receiver) -> Result<String> {
    let zone = config.parameters.report_timezone.parse().unwrap_or(chrono_tz::Tz::UTC);
    let outgoing = Outgoing::of(config)?;
    let carrier = Carrier { outgoing: &outgoing, config, haste: None };
    let told = Told { notice: test_notice(), reminder: None };
    let mut said = Vec::new();
    for mut letter in letters(receiver, std::slice::from_ref(&told), zone, told.notice.at) {
        letter.id = told.notice.id();
        match receiver.bring(&letter, &carrier) {
            Ok(answer) => said.push(answer),
            Err(Refusal::Later(error, _) | Refusal::Closed(error, _) | Refusal::Never(error)) => {
                return Err(anyhow!(error));
            }
        }
    }
    Ok(said.join("; "))
}
