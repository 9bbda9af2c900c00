//! The one table of codes for whatever can be wrong with a proof, a source, or a session with a notary.
//!
//! Every error of this crate takes its code from here, so that none can be without a cause and a next step. The
//! documentation's page of codes reads the same table.

macro_rules! codes {
    ($($name:ident $text:literal $cause:literal $next:literal)*) => {
        /// Why there is no proof, or why it is refused. Codes are stable: programs may match on their texts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $cause] $name,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as text: what travels and what users see.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What happened.
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$name => $cause,)* }
            }

            /// What to do next.
            pub const fn next_step(self) -> &'static str {
                match self { $(Self::$name => $next,)* }
            }
        }
    };
}

codes! {
    AttestationMalformed "attestation_malformed"
        "The file is not an attestation: not JSON, too long, or a member is missing, unknown or of another type."
        "Check that it is the file that `mpcstats prove` wrote, whole and unchanged."
    AttestationVersion "attestation_version"
        "The attestation has a format version that is not known here."
        "Update mpcstats."
    AttestationSignature "attestation_signature"
        "The notary's signature does not fit: something in the attestation was changed after it was signed."
        "Ask for the original file; do not use this one."
    AttestationStale "attestation_stale"
        "The attestation is older than the source accepts."
        "Prove again. To look at an old proof, give the time to judge it at with `--at`."
    AttestationFuture "attestation_future"
        "The attestation's time is more than five minutes ahead of the clock here."
        "Check the clocks, here and at the notary."
    NotaryUnknown "notary_unknown"
        "The attestation is signed by a key that is not among the trusted ones."
        "Compare with the list that the notary publishes; add the key only if you trust its holder."
    NotaryRevoked "notary_revoked"
        "The notary's key was revoked. Nothing that it signed counts, whatever time it claims."
        "Prove again with a notary whose key is valid."
    NotaryExpired "notary_expired"
        "The notary's key was not in use at the attestation's time."
        "Fetch the notary's current list of keys; if it says the same, prove again."
    ServerName "server_name"
        "The attestation is about another server than the source."
        "Verify with the source that the proof was made for."
    TranscriptRanges "transcript_ranges"
        "The shown and hidden ranges of the transcript contradict each other."
        "Refuse the proof: no honest prover writes such a one."
    RequestMismatch "request_mismatch"
        "The proven request is not the one that the source describes."
        "Verify with the source that the proof was made for; if it is that one, refuse the proof."
    ResponseStatus "response_status"
        "The server answered with another status than the source accepts: a redirect, or an error page."
        "The message holds the server's line. Check secrets, their permissions, and the source's path."
    ResponseFraming "response_framing"
        "The response has no end that HTTP/1.1 can tell, was cut off, or has a head that could be misread."
        "Try again; if it stays so, the site cannot be notarized with this request."
    ResponseBody "response_body"
        "The response's body does not follow the layout of the source."
        "Compare with a response of the site: `mpcstats source check SOURCE --response FILE`. The site may have changed."
    CommitmentRange "commitment_range"
        "A commitment does not cover exactly the window of a private field within one chunk of the body."
        "Prove again. A window that crosses chunks or the body's end needs a smaller window in the source."
    DisclosedValue "disclosed_value"
        "A disclosed field is not of its type or not within its range."
        "Check the field's type and range in the source."
    SourceSyntax "source_syntax"
        "The source cannot be read: not TOML of the right shape, too long, or not there."
        "The message names the place; `mpcstats source list` names the sources that come with mpcstats."
    SourceDefinition "source_definition"
        "The source breaks a general rule."
        "The message names it; see the page on sources."
    SourceRequest "source_request"
        "The source's request is refused."
        "The message names the rule; see the page on sources."
    SourceResponse "source_response"
        "The layout of the source's response is refused, for it could match what it should not."
        "The message names the anchor; `mpcstats source draft` proposes anchors that pass."
    SourceField "source_field"
        "A field of the source is refused."
        "The message names the field and the rule."
    Secret "secret"
        "A secret is missing, or holds characters that cannot be sent."
        "Give it with `--secret NAME=env:VARIABLE`; look for blanks and line breaks in it."
    AnchorAmbiguous "anchor_ambiguous"
        "An anchor stands more than once in the response, so it does not say which value is meant."
        "Make the anchor longer, or put another before it."
    FieldWindow "field_window"
        "A value does not end within its window."
        "Make the field's window larger in the source."
    SessionCourse "session_course"
        "The TLS session is not one that can be attested: an alert, a renegotiation, another version or cipher, or a truncated stream."
        "Try again; if it stays so, the site cannot be notarized."
    ServerCertificate "server_certificate"
        "The server's certificate is refused at the notary's clock: expired, for another name, or under an authority that the notary does not trust."
        "Ask the notary's operator to trust the authority; a public site should not need it."
    ServerKeySignature "server_key_signature"
        "The server's key share is not signed with its certificate's key."
        "Somebody stands between you and the server. Try from another network."
    ServerConnection "server_connection"
        "The connection to the server failed: it broke, stalled, its certificate is refused, or it does not speak TLS 1.2 with ECDHE over P-256 and AES-128-GCM."
        "The message says which. Give `--authority FILE` for a site with an authority of its own."
    ServerUnreachable "server_unreachable"
        "The server cannot be reached."
        "Check the source's host and port, and the network; in proxy mode it is the notary that connects."
    NotaryConnection "notary_connection"
        "The connection to the notary broke."
        "Check the address and the key; try again in a minute."
    NotaryBusy "notary_busy"
        "The notary has as many sessions as it takes at once."
        "Try again in a minute."
    NotaryRate "notary_rate"
        "The notary has seen too many sessions from this address in the last minute."
        "Try again in a minute."
    NotaryMalformed "notary_malformed"
        "The notary's message is malformed."
        "Compare the versions of mpcstats here and there."
    NotaryClock "notary_clock"
        "The notary's clock is more than five minutes away from the clock here."
        "Check both clocks."
    NotaryStatement "notary_statement"
        "The notary attested something else than what was proven."
        "Do not use this notary, and tell its operator."
    Declined "declined"
        "You said no before anything was shown."
        "Nothing was shown to anybody. Prove again when you like."
    Proof "proof"
        "The zero-knowledge proof failed."
        "Try again. If it fails again, the prover or the notary misbehaves, or they run different versions."
    MpcCaps "mpc_caps"
        "The session asks for a longer request or response than is allowed."
        "Shorten the request, or ask the notary's operator for higher caps."
    MpcProtocol "mpc_protocol"
        "The two-party computation failed: the peer sent something else than the protocol asks for."
        "Try again, then compare versions. An abort says nothing about your secrets."
    MpcProof "mpc_proof"
        "The proof about the shared session failed."
        "Try again. If it fails again, the prover or the notary misbehaves, or they run different versions."
    MpcContradiction "mpc_contradiction"
        "What the prover handed over contradicts what the notary took part in."
        "Try again. If it fails again, the prover misbehaves."
    MpcKeyExchange "mpc_key_exchange"
        "The shared key exchange failed."
        "Try again. If it fails again, the prover or the notary misbehaves."
    MpcOutOfOrder "mpc_out_of_order"
        "The session was asked for a step that it is not at."
        "Try again, then compare versions."
    Hello "hello"
        "The notary cannot read the greeting, or refuses its source."
        "Check the source with `mpcstats source check`, then compare versions."
    ProtocolVersion "protocol_version"
        "The notary speaks another version of the protocol."
        "Update the older of the two sides."
    ModeRefused "mode_refused"
        "The notary does not offer this mode."
        "Use the other mode if the survey accepts it, or another notary."
    HostRefused "host_refused"
        "The notary does not notarize this host."
        "Use a notary that does."
    Cap "cap"
        "The session used up the notary's cap on bytes."
        "Ask for a shorter response, or ask the notary's operator for a higher cap."
    Relay "relay"
        "The notary received a malformed relay message."
        "Compare the versions of mpcstats here and there."
    Claim "claim"
        "The notary cannot read the claim of what is to be shown."
        "Compare the versions of mpcstats here and there."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct() {
        let mut texts: Vec<_> = Code::ALL.iter().map(|code| code.text()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Code::ALL.len(), "two codes have the same text");
    }
}
