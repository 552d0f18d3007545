"""What the http agent may say or fail with: codes and their English text."""

MESSAGES = {
    # Why it failed: nothing was answered.
    "http_unknown_host": "There is no host named %(host)s, as far as this machine knows.",
    "http_refused": "%(host)s refused the connection.",
    "http_unreachable": "%(host)s could not be reached: %(reason)s.",
    "http_connect_timeout": "%(host)s did not take the connection within %(seconds)s s.",
    "http_certificate": (
        "The certificate of %(host)s was not accepted: %(reason)s. Where that is as it should be, "
        "verify_tls can be turned off."
    ),
    "http_no_tls": "No encrypted connection to %(host)s came about: %(reason)s.",
    "http_proxy": "The proxy in between did not help: %(reason)s.",
    # Why it failed: the answer was not whole.
    "http_timeout": "The answer of %(host)s was not complete within %(seconds)s s.",
    "http_silent": "%(host)s sent nothing for %(seconds)s s.",
    "http_no_answer": "%(host)s closed the connection without an answer.",
    "http_broke_off": "%(host)s broke off in the middle of its answer, after %(received)s bytes.",
    "http_not_http": "What %(host)s answered is not proper HTTP: %(reason)s.",
    "http_not_packed": "The answer of %(host)s says that it is %(encoding)s, and is not.",
    "http_failed": "The request could not be made: %(reason)s.",
    # Why it failed: the answer was not the one that is expected.
    "http_status": "The answer was %(status)s; expected was %(expected)s. It said:\n%(body)s",
    "http_status_silent": (
        "The answer was %(status)s; expected was %(expected)s. It said nothing that is text."
    ),
    "http_come_back": (
        "The answer was %(status)s: come back in %(seconds)s s. That is longer than is waited "
        "within one run."
    ),
    "http_too_many_redirects": "More than %(limit)s redirections, the last one to %(url)s.",
    "http_secret_body": (
        "The answer redirects the body, in which secrets may stand, to another server: %(url)s"
    ),
    "http_bad_redirect": "The answer redirects to what is no web address: %(url)s",
    # Why it failed: it was not even asked.
    "http_no_parameter": "There is no parameter “%(name)s”, which the %(place)s needs.",
    "http_bad_parameter": "The parameter “%(name)s” cannot stand in the %(place)s: %(reason)s.",
    # What happened.
    "http_request": "%(method)s %(url)s",
    "http_redirect": "%(answer)s: redirected to %(url)s",
    "http_redirect_away": (
        "%(answer)s: redirected to another server, to which no secret headers are sent: %(url)s"
    ),
    "http_answer": "%(answer)s after %(seconds)s s; %(type)s",
    "http_headers": "Headers of the answer:\n%(headers)s",
    "http_received": "%(size)s bytes in %(seconds)s s.",
    "http_retry": (
        "Try %(number)s of %(tries)s failed: %(why)s The next one begins in %(seconds)s s."
    ),
    "http_cut": "The answer is longer than %(limit)s MiB: the rest was not read.",
    "http_result_cut": "The result is the beginning of the answer; all of it is in the output.",
    "http_saved": "The answer is %(type)s, and was saved in the workspace as %(file)s.",
    "http_not_saved": "The answer could not be saved in the workspace: %(reason)s.",
    "http_packed": "The answer is packed in a way that is not known here (%(encoding)s).",
    "http_undecodable": (
        "The answer is no proper %(charset)s: what could not be read is shown as \ufffd."
    ),
    "http_no_message": "No message was found in the answer of Langflow: the whole is the result.",
    # Why a control can never work.
    "http_no_pause": (
        "A request that is under way cannot be paused, and it is not to be tried again. "
        "It can be stopped."
    ),
    "http_no_input": "A request takes no further instructions.",
}
