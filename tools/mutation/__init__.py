# SPDX-License-Identifier: Apache-2.0

"""Small changes to decisions that some test has to notice.

``python -m tools.mutation [MODULE ...]`` makes each change that mutmut's
operators make of the functions of a module, runs the tests that call the
function, the quickest first, and tells which changes none of them noticed.
Those are held against ``tests/mutation/survivors.txt``, where each has its
reason.
"""
