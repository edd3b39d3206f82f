"""Lets the tests below import what lies beside this file."""
