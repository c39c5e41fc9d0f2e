//! Mailboxes, through an SMTP server.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use lettre::message::{Mailbox, Mailboxes, MessageBuilder, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};

use super::super::fields::Fields;
use super::super::letters::Letter;
use super::super::receiver::Carrier;
use crate::common::language::{either, t};
use crate::common::secrets::Secret;
use crate::operations::Refusal;

/// How the way to the server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Safety {
    /// TLS after a greeting.
    StartTls,
    /// TLS from the beginning.
    Tls,
    /// Not at all.
    None,
}

/// Mailboxes and the server that brings letters to them.
#[derive(Clone, Debug)]
pub struct Email {
    server: String,
    port: u16,
    safety: Safety,
    user: Option<String>,
    password: Option<Secret>,
    from: Mailbox,
    to: Mailboxes,
}

impl Email {
    /// Those of `notify.toml`.
    pub fn read(fields: &Fields<'_>) -> Result<Self> {
        let mailbox = "nearset <nearset@example.cn>";
        let safety = fields.read("tls", "starttls | tls | none", |text| match text {
            "starttls" => Some(Safety::StartTls),
            "tls" => Some(Safety::Tls),
            "none" => Some(Safety::None),
            _ => None,
        })?;
        let safety = safety.unwrap_or(Safety::StartTls);
        let usual = match safety {
            Safety::StartTls => 587,
            Safety::Tls => 465,
            Safety::None => 25,
        };
        let from = fields.read("from", mailbox, |text| text.parse().ok())?;
        let mut to = Mailboxes::new();
        for text in fields.list("to")? {
            to.push(text.parse().map_err(|_| fields.fault("to", mailbox))?);
        }
        if to.iter().next().is_none() {
            return Err(fields.fault("to", mailbox));
        }
        Ok(Self {
            server: fields.needed("server")?,
            port: fields.read("port", "1-65535", |text| text.parse().ok())?.unwrap_or(usual),
            safety,
            user: fields.text("user")?,
            password: fields.secret("password")?,
            from: from.ok_or_else(|| fields.fault("from", mailbox))?,
            to,
        })
    }

    /// Who is told, for people.
    pub fn address(&self) -> String {
        let to: Vec<String> = self.to.iter().map(|mailbox| mailbox.email.to_string()).collect();
        t!("{} through {}", "{}，经 {}", to.join(", "), self.server)
    }

    /// Sends a letter.
    pub fn bring(&self, letter: &Letter, carrier: &Carrier<'_>) -> Result<String, Refusal> {
        let message = self.message(letter).map_err(Refusal::Never)?;
        let transport =
            self.transport(carrier.config.outgoing.timeout).map_err(|error| Refusal::Closed(error, None))?;
        match transport.send(&message) {
            Ok(answer) => Ok(answer.message().collect::<Vec<_>>().join(" ")),
            Err(error) => {
                let code = error.status().map(u16::from).unwrap_or_default();
                let error = anyhow!(error).context(t!("{} did not take it", "{} 没有接收", self.server));
                Err(match code {
                    // no such mailbox, or no such message here
                    550..=559 => Refusal::Later(error, None),
                    _ => Refusal::Closed(error, None),
                })
            }
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message> {
        let domain = self.from.email.domain();
        let builder: MessageBuilder = Message::builder()
            // the same where it is sent again
            .message_id(Some(format!("<{}@{domain}>", letter.id)))
            .from(self.from.clone())
            .subject(&letter.title)
            .header(ContentType::TEXT_PLAIN);
        let builder = self.to.iter().fold(builder, |builder, mailbox| builder.to(mailbox.clone()));
        builder.body(letter.text.clone()).context(either("this is no message", "不是有效的邮件"))
    }

    fn transport(&self, timeout: Duration) -> Result<SmtpTransport> {
        let parameters = || TlsParameters::new(self.server.clone()).context(self.server.clone());
        let tls = match self.safety {
            Safety::StartTls => Tls::Required(parameters()?),
            Safety::Tls => Tls::Wrapper(parameters()?),
            Safety::None => Tls::None,
        };
        let mut transport =
            SmtpTransport::builder_dangerous(&self.server).port(self.port).tls(tls).timeout(Some(timeout));
        if let (Some(user), Some(password)) = (&self.user, &self.password) {
            transport = transport.credentials(Credentials::new(user.clone(), password.0.clone()));
        }
        Ok(transport.build())
    }
}
