//! What the gateway must not forget: sessions and their ends.
