"""The function app of the conversation platform. Functions of one's own go beside these."""

import azure.functions as func

from cosmos_views.app import attach
from pack import PACK

app = func.FunctionApp()
attach(app, PACK)
