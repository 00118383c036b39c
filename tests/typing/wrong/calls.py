"""Calls that must not pass."""

from alonzo import Expression, run, task


@task
def count(text: str, letter: str = "a") -> int:
    return text.count(letter)


@task
async def waits(number: int) -> str:
    return str(number)


count(3)  # wrong: arg-type, reportArgumentType
count()  # wrong: call-arg, reportCallIssue
count("a", "b", "c")  # wrong: call-arg, reportCallIssue
count("a", lettre="b")  # wrong: call-arg, reportCallIssue
count(waits(2), letter=count("a"))  # wrong: arg-type, reportArgumentType
count.lazy(3)  # wrong: arg-type, reportArgumentType
count.lazy("a", lettre="b")  # wrong: call-arg, reportCallIssue
text: str = count("a")  # wrong: assignment, reportAssignmentType
lazy: Expression[str] = count.lazy("a")  # wrong: assignment, reportAssignmentType
done: str = run(count("a"))  # wrong: assignment, reportAssignmentType
undone: str = run(count.lazy("a"))  # wrong: assignment, reportAssignmentType
run(count("a"), stroe="memory:")  # wrong: call-overload, reportCallIssue
count.partial("a")() + "b"  # wrong: operator, reportOperatorIssue


@task
async def awaits() -> str:
    number = await count.lazy("a")
    await count("a")  # wrong: misc, reportGeneralTypeIssues
    return number  # wrong: return-value, reportReturnType
