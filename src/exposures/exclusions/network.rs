//! Addresses of one network: an address alone, or a prefix of IPv4 or IPv6 (`203.0.113.0/24`).

use std::net::IpAddr;
use std::str::FromStr;

/// All addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    bits: u128,
    length: u32,
    is_v6: bool,
}

impl Network {
    /// Whether an address is one of them; it is in its canonical form.
    pub fn holds(&self, address: IpAddr) -> bool {
        address.is_ipv6() == self.is_v6 && first(bits(address), self.length) == self.bits
    }
}

/// The bits of an address, from the left.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The first so many bits, the others 0.
fn first(bits: u128, length: u32) -> u128 {
    bits & u128::MAX.checked_shl(128 - length).unwrap_or(0)
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.trim().parse().map_err(|_| ())?;
        let canonical = address.to_canonical();
        let longest = if canonical.is_ipv6() { 128 } else { 32 };
        // of an IPv4 address in IPv6's spelling, the prefix counts the 96 bits before it
        let before = if canonical == address { 0 } else { 96 };
        let length = match length {
            None => longest,
            Some(text) => text.trim().parse::<u32>().ok().and_then(|length| length.checked_sub(before)).ok_or(())?,
        };
        if length > longest {
            return Err(());
        }
        Ok(Self { bits: first(bits(canonical), length), length, is_v6: canonical.is_ipv6() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_every_length_hold_what_they_say() {
        let holds = |network: &str, address: &str| {
            let network: Network = network.parse().unwrap_or_else(|()| panic!("{network}"));
            address.parse().is_ok_and(|address: IpAddr| network.holds(address.to_canonical()))
        };
        for (network, address, expected) in [
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.7", false),
            ("10.1.2.3/8", "10.255.0.0", true),
            ("10.1.2.3/32", "10.1.2.4", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
            ("2001:db8::1/128", "2001:db8::1", true),
            ("2001:db8::1/127", "2001:db8::2", false),
        ] {
            assert_eq!(holds(network, address), expected, "{network} {address}");
        }
        for wrong in
            ["", "10.0.0", "10.0.0.1/33", "2001:db8::/129", "10.0.0.1/-1", "10.0.0.1/x", "::ffff:10.0.0.1/8", "office"]
        {
            assert_eq!(wrong.parse::<Network>(), Err(()), "{wrong}");
        }
    }
}
