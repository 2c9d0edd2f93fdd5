"""HTTP for REST sources: one client, what it answers, and what its errors mean."""

from penstock.sdk.http.address import Address, Params
from penstock.sdk.http.answer import Accept, Answer, BadBody, whole_json
from penstock.sdk.http.auth import Auth
from penstock.sdk.http.client import Http
from penstock.sdk.http.meaning import Action, Confirm, ErrorMeaning, Rule
from penstock.sdk.http.settings import HttpSettings, Retry
from penstock.sdk.http.steps import probe
from penstock.sdk.http.words import error_text

__all__ = [
    "Accept",
    "Action",
    "Address",
    "Answer",
    "Auth",
    "BadBody",
    "Confirm",
    "ErrorMeaning",
    "Http",
    "HttpSettings",
    "Params",
    "Retry",
    "Rule",
    "error_text",
    "probe",
    "whole_json",
]
