"""Options that must not pass."""

from alonzo import task


@task
def text() -> str:
    return "a"


@task
def fetch(url: str) -> bytes:
    return url.encode()


fetch.options(retrys=3)  # wrong: call-arg, reportCallIssue
fetch.options(retries="3")  # wrong: arg-type, reportArgumentType
fetch.options(retries=text.lazy())  # wrong: arg-type, reportArgumentType
fetch.options(check="all")  # wrong: arg-type, reportArgumentType
fetch.options(cache="no")  # wrong: arg-type, reportArgumentType
fetch.options(timeout="long")  # wrong: arg-type, reportArgumentType
fetch.options(memory=lambda: 3)  # wrong: arg-type misc, reportArgumentType
fetch.options(limits=3)  # wrong: arg-type, reportArgumentType
fetch.options(tags={"a": 1})  # wrong: dict-item, reportArgumentType
fetch.options(retry_on="OSError")  # wrong: arg-type, reportArgumentType
fetch.options(version="2")  # wrong: call-arg, reportCallIssue
fetch.options(tracking="own")  # wrong: call-arg, reportCallIssue
fetch.options_below(executer="threads")  # wrong: call-arg, reportCallIssue
fetch.options_below(priority=0.5)  # wrong: arg-type, reportArgumentType
fetch.options(retries=3)(5)  # wrong: arg-type, reportArgumentType
fetch.context("db.host")  # wrong: arg-type, reportArgumentType
fetch.context(level=3)(5)  # wrong: arg-type, reportArgumentType

task(cahce=True)  # wrong: call-overload, reportCallIssue
task(cache="no")  # wrong: call-overload, reportArgumentType reportCallIssue
task(tracking="none")  # wrong: call-overload, reportArgumentType reportCallIssue
task(name=3)  # wrong: call-overload, reportArgumentType reportCallIssue
