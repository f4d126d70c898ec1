//! The JSON API and the screens.
