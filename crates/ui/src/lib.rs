//! What the pages of both services share: style, headers, cookies, CSRF.
