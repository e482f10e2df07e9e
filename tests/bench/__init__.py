# SPDX-License-Identifier: Apache-2.0
"""`make bench`: what the program costs, beside what the same work must cost anyone; no test."""
