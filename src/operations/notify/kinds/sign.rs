//! Signatures of robots: HMAC-SHA256, as base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// The signature of a text by a key.
pub fn sign(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_the_standard_says() {
        // RFC 4231, case 2
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let signed = STANDARD.decode(sign("Jefe", "what do ya want for nothing?")).map(hex::encode);
        assert_eq!(signed.ok().as_deref(), Some(expected));
    }
}
