//! Share codes: build XML, deflated and written in URL-safe base64.
