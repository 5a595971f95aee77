"""Conversions: what becomes of a lead is told to the ad platform that it came from, once and with consent."""
