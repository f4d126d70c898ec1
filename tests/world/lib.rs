//! The world the tests run the product in.
