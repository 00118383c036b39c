"""Methods are tasks of their other parameters."""

from typing import assert_type

from alonzo import THIS_JOB, Expression, JobInfo, Secret, run, task


class Report:
    def __init__(self, title: str) -> None:
        self.title = title

    @task
    def page(self, number: int, *, wide: bool = False) -> str:
        return f"{self.title} {number} {wide}"

    @task(retries=2)
    async def pages(self, count: int) -> list[str]:
        return [await self.page.lazy(number) for number in range(count)]

    @staticmethod
    @task
    def blank(width: int) -> str:
        return " " * width


report = Report("a")
assert_type(report.page(3, wide=True), str)
assert_type(report.page.lazy(3), Expression[str])
assert_type(report.page.options(retries=2)(3), str)
assert_type(report.pages(3), list[str])
assert_type(Report.page(report, 3), str)
assert_type(Report.blank(3), str)
assert_type(run(report.pages(2)), list[str])


@task
def attempt(text: str, job: JobInfo = THIS_JOB) -> int:
    return job.attempt


assert_type(attempt("a"), int)


@task
def login(password: Secret[str]) -> bool:
    assert_type(password.reveal(), str)
    return bool(password.reveal())


assert_type(login(Secret("x")), bool)
